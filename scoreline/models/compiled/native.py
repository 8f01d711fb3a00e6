"""LLVM at the edge: intermediate code to an object file, an object file to a function in memory."""

import ctypes
import platform
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from scoreline.errors import ModelRejected

_MODEL = "large"
"""Code may lie anywhere in memory. The small one is 3 % faster, and ends the process where parts lie too far apart."""

_RELOCATION = "pic"
_LEVEL = 3

ENTRY = "score_rows"
"""`void score_rows(double *features, double *scores, int64_t rows)`, both row by row."""


class NativeCode:
    """The function `ENTRY` of object files, in memory as long as this lives; a call releases the interpreter's lock."""

    def __init__(self, objects: Sequence[bytes]) -> None:
        """Load object files that are known to be whole, and belong together: LLVM trusts them.

        Raises:
            ModelRejected: none has such a function.
        """
        self._engine = llvm.create_mcjit_compiler(_parse(""), _make_machine())
        for data in objects:
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()
        address = self._engine.get_function_address(ENTRY)
        if not address:
            raise ModelRejected(f"the object files have no function {ENTRY!r}")
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        self.call: Callable[[int, int, int], None] = signature(address)


def compile_object(code: str) -> bytes:
    """Optimise intermediate code and make an object file of it, for this processor."""
    machine = _make_machine()
    module = _parse(code)
    module.verify()
    passes = llvm.PassManagerBuilder()
    passes.opt_level = _LEVEL
    passes.inlining_threshold = 1
    manager = llvm.ModulePassManager()
    passes.populate(manager)
    manager.run(module)
    data: bytes = machine.emit_object(module)
    return data


def describe_target() -> str:
    """What decides whether an object file made here fits there: LLVM, the processor with its features, the flags."""
    return " ".join(
        [
            f"llvmlite {llvmlite.__version__}",
            platform.machine(),
            llvm.get_process_triple(),
            llvm.get_host_cpu_name(),
            _features(),
            _MODEL,
            _RELOCATION,
            str(_LEVEL),
        ]
    )


def _features() -> str:
    try:
        features: str = llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return ""  # LLVM cannot tell them on this processor: code for its name alone then
    return features


def _make_machine() -> Any:
    _initialize()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=2, reloc=_RELOCATION, codemodel=_MODEL
    )


def _parse(code: str) -> Any:
    _initialize()
    module = llvm.parse_assembly(code)
    module.triple = llvm.get_process_triple()
    return module


def _initialize() -> None:
    """LLVM's state in this process; to be called again and again does no harm."""
    llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
