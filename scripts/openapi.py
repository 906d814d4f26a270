"""Prints web/openapi.json, of which the client of the page is made: `scripts/openapi.py > web/openapi.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from api.main import create_app
from api.openapi import description
from core.settings import Settings

if __name__ == "__main__":
    json.dump(description(create_app(Settings())), sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")
