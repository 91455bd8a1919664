"""Writes the columns of the floor: one file each, as `bench/floor/src/columns.rs` reads them."""
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BEGIN = 1_735_689_600_000


def codes(column, first=None):
    """Numbers of the texts of a column, and the texts in the order of the numbers."""
    names = sorted(pc.unique(column.cast(pa.string())).to_pylist(), key=lambda n: (n != first, n))
    return pc.index_in(column.cast(pa.string()), pa.array(names)).to_numpy().astype(np.uint8), names


def write(place):
    work = place.home.with_suffix(".loading")
    work.mkdir(parents=True, exist_ok=True)
    put = lambda name, values: values.tofile(work / name)
    texts = lambda name, names: (work / name).write_text("\n".join(names) + "\n")
    read = lambda name: pq.read_table(place.files[name])
    events = pq.ParquetFile(place.files["events"])
    column = lambda name: events.read([name]).column(0)
    user = column("user_id").to_numpy().astype(np.int64)
    users = read("users").sort_by("user_id")
    keys = users.column("user_id").to_numpy().astype(np.int64)
    if not np.array_equal(keys, np.arange(1, len(keys) + 1)):
        raise ValueError("the keys of users must be 1, 2, …")
    put("first_row.u32", np.searchsorted(user, np.arange(1, len(keys) + 2)).astype(np.uint32))
    put("time.i64", column("ts").cast(pa.int64()).to_numpy() - BEGIN)
    for name, file, first in (("event", "events.txt", None), ("platform", "platforms.txt", None), ("utm_source", "sources.txt", "")):
        numbers, names = codes(column(name), first)
        put({"utm_source": "source"}.get(name, name) + ".u8", numbers)
        texts(file, names)
    put("product.u32", column("product_id").to_numpy().astype(np.uint32))
    put("amount.f64", column("amount").to_numpy())
    city, names = codes(users.column("city"))
    put("city_of_user.u8", city)
    texts("cities.txt", names)
    put("vip_of_user.u8", users.column("vip").to_numpy().astype(np.uint8))
    products = read("products").sort_by("product_id")
    category, names = codes(products.column("category"))
    table = np.full(int(products.column("product_id").to_numpy().max()) + 1, 255, np.uint8)
    table[products.column("product_id").to_numpy()] = category
    put("category_of_product.u8", table)
    texts("categories.txt", names)
    work.rename(place.home)
