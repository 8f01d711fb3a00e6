"""ONNX models for scoreline, through onnxruntime."""

from scoreline_onnx.onnx_format import OnnxFormat

__all__ = ["OnnxFormat"]
