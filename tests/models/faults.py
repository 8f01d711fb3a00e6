"""Everything that may be wrong with what an alias means, and what has to be said of each."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoreline.models.manifest import GOLDEN, MODEL
from tests.models.builders import LEVELS
from tests.models.tampering import (
    Tamper,
    damage,
    delete_version,
    die_before_the_manifest,
    edit,
    edit_bytes,
    edit_golden,
    entry,
    flip,
    folder,
    golden_of_another,
    hide,
    inflate,
    kill_the_parser,
    lead_out_of_the_tree,
    lose,
    next_entry,
    publish_golden,
    publish_text,
    put_other_blob,
    put_repeated,
    rewrite,
    swap_level_lists,
    truncate,
    write_alias,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong.

    Attributes:
        says: what the one line has to contain, as a regular expression.
        child: code that runs in place of the child process; empty where this process does its work.
    """

    tamper: Tamper
    says: str
    child: str = ""


OUT_OF_MEMORY = """
import resource
from scoreline.models import booster, inspection, probe
from scoreline.models.formats.lightgbm_text import LightGBMFormat
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
LightGBMFormat.probe_bytes, probe._BYTES_PER_ARTIFACT_BYTE = held + 2**22, 2
probe.main()
"""
"""The child with what it has of memory now, and little more: the bound is the real one, only smaller."""

NEVER_ENDING = "import signal; signal.pause()"
REAL = "from scoreline.models.probe import main; main()"

NESTED = b"[" * 100_000


def _rename_features(content: dict[str, Any]) -> None:
    content["features"][0]["name"] = content["features"][0]["field"] = "town"


def _swap_features(content: dict[str, Any]) -> None:
    content["features"][1], content["features"][3] = content["features"][3], content["features"][1]


def _levels(change: Callable[[list[Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda content: change(content["features"][0]["levels"])


def _sha256(value: str, role: str = MODEL) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["blobs"][role].update(sha256=value)


FAULTS = {
    "model blob truncated": Fault(damage(MODEL, truncate), "tiny 2.*blob .* bytes, but should have"),
    "model blob with one byte changed": Fault(damage(MODEL, flip), "tiny 2.*was changed or damaged"),
    "model blob larger than said": Fault(damage(MODEL, lambda d: d + b"\n" * 4096), "tiny 2.*bytes, but should have"),
    "model blob empty": Fault(damage(MODEL, lambda d: b""), "tiny 2.*has 0 bytes"),
    "model blob missing": Fault(lose(MODEL), "tiny 2.*missing from the store"),
    "model blob a folder": Fault(hide(put_other_blob), "tiny 2.*no file"),
    "golden blob truncated": Fault(damage(GOLDEN, truncate), "tiny 2.*bytes, but should have"),
    "golden blob with one byte changed": Fault(damage(GOLDEN, flip), "tiny 2.*was changed or damaged"),
    "golden blob missing": Fault(lose(GOLDEN), "tiny 2.*missing from the store"),
    "wrong sha256 in the manifest": Fault(edit(_sha256("0" * 64), checksum=False), "tiny 2.*changed after"),
    "wrong sha256, checksum anew": Fault(edit(_sha256("0" * 64), checksum=True), "tiny 2.*missing from the store"),
    "sha256 that is none": Fault(edit(_sha256("../../secret"), checksum=True), "tiny 2.*is no sha256"),
    "wrong size": Fault(edit(lambda c: c["blobs"][MODEL].update(size=7), checksum=True), "tiny 2.*should have 7"),
    "no model blob": Fault(edit(lambda c: c["blobs"].pop(MODEL), checksum=True), "tiny 2.*role 'model'"),
    "no golden rows": Fault(edit(lambda c: c["blobs"].pop(GOLDEN), checksum=True), "tiny 2.*no golden rows"),
    "manifest missing": Fault(lambda s: (put_repeated(s).unlink(), write_alias(entry())(s))[1], "no version 2 of tiny"),
    "manifest cut": Fault(edit_bytes(truncate), "tiny 2.*is damaged"),
    "manifest empty": Fault(edit_bytes(lambda d: b""), "tiny 2.*is damaged"),
    "manifest a list": Fault(edit_bytes(lambda d: b"[]"), "tiny 2.*no JSON object"),
    "manifest of bytes": Fault(edit_bytes(lambda d: b"\xff" * 64), "tiny 2.*is damaged"),
    "manifest nested without end": Fault(edit_bytes(lambda d: NESTED), "tiny 2.*is damaged"),
    "manifest a folder": Fault(hide(put_repeated), "tiny 2.*no file"),
    "manifest of another version": Fault(
        lambda s: rewrite(put_repeated(s), (folder(s) / "versions" / "1.json").read_bytes()), "tiny 2.*it is tiny 1"
    ),
    "manifest of a newer format": Fault(edit(lambda c: c.update(format="lightgbm-9"), checksum=True), "tiny 2.*format"),
    "manifest without features": Fault(edit(lambda c: c.pop("features"), checksum=True), "tiny 2.*`features`"),
    "feature renamed": Fault(edit(_rename_features, checksum=True), "tiny 2.*'town'"),
    "features in another order": Fault(edit(_swap_features, checksum=True), "tiny 2.*features are"),
    "level list shortened": Fault(edit(_levels(list.pop), checksum=True), "tiny 2.*level list .* 3 levels"),
    "level list in another order": Fault(edit(_levels(list.reverse), checksum=True), "tiny 2.*pandas_categorical"),
    "level list repeats": Fault(
        edit(_levels(lambda ls: ls.__setitem__(0, LEVELS[1])), checksum=True), "tiny 2.*repeat"
    ),
    "pandas_categorical changed": Fault(publish_text(swap_level_lists), "tiny 2.*pandas_categorical"),
    "golden rows of another model": Fault(golden_of_another, "tiny 2.*golden rows give other scores"),
    "golden row too short": Fault(edit_golden(lambda c: c["rows"][0].pop()), "tiny 2.*golden rows do not fit"),
    "golden scores of two classes": Fault(
        edit_golden(lambda c: [s.append("0x0p0") for s in c["scores"]]), "tiny 2.*golden rows do not fit"
    ),
    "golden scores beyond all": Fault(
        edit_golden(lambda c: c["scores"].__setitem__(0, ["0x1p5000"])), "tiny 2.*golden rows are damaged"
    ),
    "golden value of another kind": Fault(
        edit_golden(lambda c: c["rows"][0].__setitem__(1, "1")), "tiny 2.*golden row does not fit"
    ),
    "golden value beyond all": Fault(edit_golden(lambda c: c["rows"][0].__setitem__(1, 10**400)), "tiny 2.*golden row"),
    "no golden row": Fault(edit_golden(lambda c: c.update(rows=[], scores=[])), "tiny 2.*golden rows"),
    "golden rows no JSON": Fault(publish_golden(b"rows"), "tiny 2.*golden rows are damaged"),
    "golden rows nested without end": Fault(publish_golden(b'{"rows":' + NESTED), "tiny 2.*golden rows are damaged"),
    "a text that was truncated before it was published": Fault(publish_text(truncate), "tiny 2.*truncated"),
    "a text that leads out of its tree": Fault(publish_text(lead_out_of_the_tree), "tiny 2.*do not form a tree"),
    "a text that kills the parser": Fault(publish_text(kill_the_parser), "tiny 2.*SIGABRT", REAL),
    "a text of nothing": Fault(publish_text(lambda text: b""), "tiny 2.*no LightGBM model text"),
    "a text that takes too much memory": Fault(publish_text(inflate), "tiny 2.*it takes more memory", OUT_OF_MEMORY),
    "a model that scores forever": Fault(
        publish_text(lambda text: text + b"\n"), "tiny 2.*did not load and score it", NEVER_ENDING
    ),
    "a pickle": Fault(
        publish_text(lambda text: pickle.dumps({"model": 1})), "tiny 2.*no LightGBM model text|tiny 2.*NUL byte"
    ),
    "a publisher that was killed": Fault(die_before_the_manifest, "no version 2 of tiny"),
    "an alias of a deleted version": Fault(delete_version, "no version 2 of tiny"),
    "an alias of a version that was never there": Fault(write_alias(entry(version=77)), "no version 77 of tiny"),
    "an alias of version -1": Fault(write_alias(entry(version=-1)), "tiny"),
    "an alias that is no JSON": Fault(write_alias(b"2"), "entry 2 of alias 'production' of tiny"),
    "an alias that is cut": Fault(write_alias(entry()[:9]), "entry 2 of alias 'production' of tiny"),
    "an alias that is empty": Fault(write_alias(b""), "entry 2 of alias 'production' of tiny"),
    "an alias of a newer format": Fault(write_alias(b'{"format": 2, "split": {"2": 0.5}}'), "entry 2 of alias 'prod"),
    "an alias that names its version in words": Fault(write_alias(entry(version="two")), "entry 2 of alias 'prod"),
    "an alias nested without end": Fault(write_alias(NESTED), "entry 2 of alias 'production' of tiny"),
    "an alias that is a folder": Fault(hide(next_entry), "production/2.json of the model store is no file"),
}
