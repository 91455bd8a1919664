"""Where a data set lies, and where an engine keeps what it has loaded of it for the next run."""
import json
from pathlib import Path


class Place:
    def __init__(self, engine, data, state):
        self.data = Path(data)
        self.home = Path(state) / f"{engine}-{self.data.name}"
        self.files = {name: f"{data}/{name}.parquet" for name in ("events", "users", "products")}
        self.meta = json.loads((self.data / "meta.json").read_text())
