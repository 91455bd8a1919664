"""What the system says of a process, and the page cache. Linux."""
import os
import time
from pathlib import Path


def memory_mb(pid, what):
    """`VmRSS`, or `VmHWM`: the most since the last `forget_peak`."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid):
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        pass


def cpu_seconds(pid):
    """User and system time of all threads of a process, also of those that ended; in nanoseconds exact."""
    return time.clock_gettime(~pid << 3 | 2)


def busy_seconds():
    """Seconds that all processors together were busy since the machine started."""
    fields = [int(f) for f in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def bytes_below(place):
    return sum(f.stat().st_size for f in Path(place).rglob("*") if f.is_file()) if Path(place).is_dir() else Path(place).stat().st_size


def read_from_disk_mb(pid):
    """Megabytes that a process had fetched from the disk so far."""
    for line in open(f"/proc/{pid}/io"):
        if line.startswith("read_bytes"):
            return int(line.split()[1]) / 1e6
    return 0.0


def drop_from_page_cache(places, everything):
    """Makes the next read of these files one of the disk. `everything` drops all that the machine has read, programs too, and needs root."""
    os.sync()
    if everything:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    for place in map(Path, places):
        for file in place.rglob("*") if place.is_dir() else [place]:
            if file.is_file():
                handle = os.open(file, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)
