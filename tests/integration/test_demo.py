"""`scoreline demo`, as a user runs it on a pipe."""

import os
import re
import subprocess
import sys

import pytest

from scoreline.config.environment import read_environment
from scoreline.testing.processes import find_children

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def test_the_demonstration_shows_everything_ends_with_0_and_leaves_nothing_behind(tmp_path):
    """All flights come out once, the same bits over HTTP, drift and labels are told, and nothing stays."""
    kept = {k: v for k, v in read_environment().items() if not k.startswith("SCORELINE_")}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = set(find_children(os.getpid()))
    done = subprocess.run(
        [sys.executable, "-m", "scoreline", "demo"],
        cwd=tmp_path,
        env={**kept, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert re.search(r"flights streamed\s+│\s+167,246 │", said)
    assert re.search(r"predictions\s+│\s+167,246 │", said)
    assert re.search(r"predictions that came twice\s+│\s+0 │", said)
    reasons = dict(re.findall(r"dead letters: (\w+)\s+│\s+(\d+) │", said))
    assert reasons == {
        "undecodable": "4",
        "unknown_schema": "1",
        "tombstone": "1",
        "invalid_value": "1",
        "unknown_version": "1",
    }
    auc = float(re.search(r"AUC against what really happened\s+│\s+([\d.]+)", said).group(1))
    assert 0.90 < auc < 0.93
    assert re.search(r"labels joined to a prediction\s+│\s+166,668 │", said)
    as_served = float(re.search(r"AUC since the start, as /stats says\s+│\s+([\d.]+)", said).group(1))
    assert abs(as_served - auc) < 0.002
    by_month = {month: float(found) for month, found in re.findall(r"(\w+): AUC ([\d.]+), log loss", said)}
    assert list(by_month) == ["July", "August", "September", "October", "November", "December"]
    assert min(by_month, key=by_month.get) == "November"
    assert re.search(r"July +28,485 +\d+ +\d+  ANC 4", said)
    assert re.search(r"November +27,035 +\d+ +\d+  ILM 29, SBN 2, LEX 1 +October: AUC", said)
    raised, cleared = map(int, re.search(r"(\d+) states were raised and (\d+) cleared", said).groups())
    assert raised >= 2
    assert cleared >= 1
    # July is 25 degrees warmer than what the model knows: that stands at its end, however windows fall.
    assert re.search(r"^  July .*?(drift|warning) by [^\n]*temp .*?^  August ", said, re.DOTALL | re.MULTILINE)
    # The weather ends a day before the flights do; whether a look falls wholly into that day is up to the batches.
    stopped = "│ quality │" in said
    assert ("- Look at the source now: missing_ratio of" in said) is stopped
    assert ("- So: once the source is repaired, retrain with July to December" in said) is stopped
    assert ("- So: retrain with July to December" in said) is not stopped
    assert "- Ranking got worse: the AUC fell from 0.9" in said
    assert "ILM (108), SBN (10), ANC (8) and LEX (1)" in said
    assert "- Nothing is wrong with the service: 167,254 records" in said
    over_http = re.search(r"over HTTP\s+(\S+)", said).group(1)
    assert over_http == re.search(r"on Kafka\s+(\S+)", said).group(1)
    assert "curl -s http://127.0.0.1:" in said
    assert list(scratch.iterdir()) == []
    assert [p.name for p in tmp_path.iterdir()] == ["scratch"]
    assert set(find_children(os.getpid())) <= before
