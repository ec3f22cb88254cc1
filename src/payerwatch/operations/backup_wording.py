"""What commands say of a backup that was restored."""

from datetime import datetime
from typing import Any

from payerwatch.backups.restoring import Restored


def restored_document(restored: Restored, now: datetime) -> dict[str, Any]:
    """For programs. `rpo_seconds`: before `now`, what was done later is not in it; `rto_seconds`: restoring it took."""
    manifest = restored.whole.manifest
    newest = manifest.contents.newest_entry_at
    return {
        "made_at": manifest.made_at,
        "build": manifest.build,
        "bytes": restored.whole.size_bytes,
        "sha256": restored.whole.digest,
        "rows": manifest.total_rows,
        "tables": manifest.contents.rows,
        "entries": sum(length for length, _ in manifest.contents.chains.values()),
        "newest_entry_at": newest,
        "rpo_seconds": round((now - manifest.made_at).total_seconds(), 3),
        "rto_seconds": round(restored.seconds, 3),
    }


def lasting(seconds: float) -> str:
    """Such as 4.2 s, 12 min or 3.5 h."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
