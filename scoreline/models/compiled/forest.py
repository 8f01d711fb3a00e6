"""From trees to LLVM's intermediate code: each tree by lleaves, the loop around them in LightGBM's own order.

lleaves' loop sums the trees of each block alone and adds the sums up, so that its scores differ from LightGBM's in the
last bits, and by more than a relative 1e-9 where leaves cancel out. Here a block goes on from the sum so far: the same
additions in the same order, the same bits. And a block is a module of its own: a third of the time to compile, and no
more memory however many trees there are.
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lleaves.compiler.ast import parse_to_ast
from lleaves.compiler.codegen import codegen
from llvmlite import ir

from scoreline.models.compiled.native import ENTRY
from scoreline.models.compiled.obstacles import RAW_OBJECTIVES, objective_of
from scoreline.models.compiled.reduction import reduce_text
from scoreline.models.model_text import ModelText
from scoreline.models.trees import read_splits

LEAVES_A_BLOCK = 1024
"""What is scored for all rows before the next trees are: about what a processor keeps of its instructions."""

ZERO_WITHIN = float(np.float32(1e-35))
"""Values so near zero are zero to LightGBM before any split sees them; it makes thresholds at exactly this distance."""

_ZERO_IS_MISSING = 1
_DOUBLE, _COUNT, _CODE = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
_DOUBLES = ir.PointerType(_DOUBLE)
_LOOP = ir.FunctionType(ir.VoidType(), (_DOUBLES, _DOUBLES, _COUNT))
_NO_CODE = ir.Constant(_CODE, -(2**31))


def write_forest(text: ModelText, folder: Path) -> Iterator[str]:
    """LLVM's intermediate code of a model that has no obstacle: a module for each block, and one that calls them.

    Args:
        text: of the model.
        folder: for a file that is gone before the first module comes; lleaves reads nothing else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile("w+", encoding="ascii", dir=folder) as file:
        file.write(reduce_text(text))
        file.seek(0)
        forest = parse_to_ast(os.dup(file.fileno()))
    forest.raw_score = objective_of(text) in RAW_OBJECTIVES
    split_at_zero = _find_split_at_zero(text)
    leaves = [text.trees[tree.idx]["leaf_value"].count(b" ") + 1 for tree in forest.trees]
    blocks = list(_cut(forest.trees, leaves))
    for number, trees in enumerate(blocks):
        yield str(_BlockWriter(forest, number, split_at_zero).write(trees, last=number == len(blocks) - 1))
    yield str(_write_entry(len(blocks)))


def _write_entry(blocks: int) -> ir.Module:
    module = ir.Module(name="entry")
    entry = ir.Function(module, _LOOP, name=ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    for number in range(blocks):
        builder.call(ir.Function(module, _LOOP, name=_name_block(number)), entry.args)
    builder.ret_void()
    return module


def _name_block(number: int) -> str:
    return f"{ENTRY}_block_{number}"


class _BlockWriter:
    def __init__(self, forest: Any, number: int, split_at_zero: Collection[int]) -> None:
        self._forest = forest
        self._number = number
        self._split_at_zero = split_at_zero
        self._module = ir.Module(name=_name_block(number))

    def write(self, trees: Sequence[Any], *, last: bool) -> ir.Module:
        """A loop over the rows that adds what these trees give; the last one makes scores of the sums."""
        block = ir.Function(self._module, _LOOP, name=_name_block(self._number))
        features, scores, rows = block.args
        start, check, body, end = (block.append_basic_block(name) for name in ("start", "check", "body", "end"))
        ir.IRBuilder(start).branch(check)
        ir.IRBuilder(end).ret_void()
        builder = ir.IRBuilder(check)
        row = builder.phi(_COUNT)
        row.add_incoming(_COUNT(0), start)
        builder.cbranch(builder.icmp_signed("<", row, rows), body, end)
        builder = ir.IRBuilder(body)
        values = self._load_row(builder, features, row)
        places = list(self._places(builder, scores, row, self._forest.n_classes))
        sums = [builder.load(place) if self._number else _DOUBLE(0.0) for place in places]
        for tree in trees:
            sums[tree.class_id] = builder.fadd(sums[tree.class_id], builder.call(self._write_tree(tree), values))
        if last:
            sums = self._transform(builder, sums)
        for place, value in zip(places, sums, strict=True):
            builder.store(value, place)
        row.add_incoming(builder.add(row, _COUNT(1)), body)
        builder.branch(check)
        return self._module

    def _write_tree(self, tree: Any) -> ir.Function:
        kinds = [_CODE if feature.is_categorical else _DOUBLE for feature in self._forest.features]
        function = ir.Function(self._module, ir.FunctionType(_DOUBLE, kinds), name=str(tree))
        function.linkage = "private"
        function.attributes.add("alwaysinline")
        codegen.gen_tree(tree, function, use_fp64=True)
        return function

    def _load_row(self, builder: ir.IRBuilder, features: ir.Value, row: ir.Value) -> list[ir.Value]:
        """Numbers, those near zero as LightGBM reads them; category codes as integers, null as one in no set."""
        kinds = self._forest.features
        values = []
        for column, (place, kind) in enumerate(
            zip(self._places(builder, features, row, len(kinds)), kinds, strict=True)
        ):
            value = builder.load(place)
            if column in self._split_at_zero:
                size = builder.call(self._module.declare_intrinsic("llvm.fabs", (_DOUBLE,)), [value])
                is_zero = builder.fcmp_ordered("<=", size, _DOUBLE(ZERO_WITHIN))
                value = builder.select(is_zero, _DOUBLE(0.0), value)
            if kind.is_categorical:
                is_null = builder.fcmp_unordered("uno", value, value)
                value = builder.select(is_null, _NO_CODE, builder.fptosi(value, _CODE))
            values.append(value)
        return values

    @staticmethod
    def _places(builder: ir.IRBuilder, base: ir.Value, row: ir.Value, width: int) -> Iterator[ir.Value]:
        first = builder.mul(row, _COUNT(width))
        for column in range(width):
            yield builder.gep(base, (builder.add(first, _COUNT(column)),))

    def _transform(self, builder: ir.IRBuilder, sums: list[ir.Value]) -> list[ir.Value]:
        forest = self._forest
        if len(sums) > 1 and not forest.raw_score:
            return self._share(builder, sums)
        scores: list[ir.Value] = codegen._populate_objective_func_block(  # noqa: SLF001  lleaves has no other name for it
            builder,
            sums,
            forest.objective_func,
            forest.objective_func_config,
            forest.raw_score,
            forest.average_output,
            len(forest.trees),
            True,  # noqa: FBT003  doubles; the signature is lleaves'
        )
        return scores

    def _share(self, builder: ir.IRBuilder, sums: list[ir.Value]) -> list[ir.Value]:
        """Softmax as LightGBM computes it; lleaves adds 1e-15 to the sum of the exponentials."""
        highest = sums[0]
        for value in sums[1:]:
            highest = builder.select(builder.fcmp_ordered(">", value, highest), value, highest)
        exp = self._module.declare_intrinsic("llvm.exp", (_DOUBLE,))
        exponentials = [builder.call(exp, [builder.fsub(value, highest)]) for value in sums]
        total = _DOUBLE(0.0)
        for value in exponentials:
            total = builder.fadd(total, value)
        return [builder.fdiv(value, total) for value in exponentials]


def _find_split_at_zero(text: ModelText) -> Collection[int]:
    """Numeric features of which a split tells values near zero apart, or takes zero as missing."""
    found: set[int] = set()
    for number, tree in enumerate(text.trees):
        splits = read_splits(tree, number, len(text.feature_names))
        near = (np.abs(splits.thresholds) <= ZERO_WITHIN) | (splits.missing_types == _ZERO_IS_MISSING)
        found.update(splits.features[near & ~splits.categorical].tolist())
    return found


def _cut(trees: Sequence[Any], leaves: Sequence[int]) -> Iterator[list[Any]]:
    """Trees in their order, so many at a time that their leaves fill a block."""
    block: list[Any] = []
    filled = 0
    for tree, count in zip(trees, leaves, strict=True):
        if block and filled + count > LEAVES_A_BLOCK:
            yield block
            block, filled = [], 0
        block.append(tree)
        filled += count
    yield block
