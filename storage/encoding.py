"""Arrays and a JSON document as the bytes of one file: safetensors, or npz. Neither can hold code."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

Arrays = dict[str, np.ndarray[Any, Any]]
_DOCUMENT = "document"
_NPZ_DOCUMENT = "__document__.npy"
_DTYPES = frozenset(
    ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64")
)


def check_arrays(arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Raises TypeError for an array that no format here keeps (objects, text, dates), naming it."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.name not in _DTYPES:
            raise TypeError(f"array {name!r} has dtype {np.asarray(array).dtype}; possible are {sorted(_DTYPES)}")


def encode_safetensors(arrays: Mapping[str, np.ndarray[Any, Any]], document: dict[str, Any]) -> bytes:
    """One safetensors file; the document is in its metadata."""
    dense = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return save(dense, {_DOCUMENT: json.dumps(document)})


def decode_safetensors(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """What `encode_safetensors` wrote. Raises ValueError for other contents."""
    try:
        with safe_open(path, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
            return arrays, json.loads((opened.metadata() or {})[_DOCUMENT])
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"not a checkpoint of Foresight: {error}") from error


def encode_npz(arrays: Mapping[str, np.ndarray[Any, Any]], document: dict[str, Any]) -> bytes:
    """One uncompressed npz archive; the document is the JSON text in the member `__document__`."""
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            _write_member(archive, f"{name}.npy", np.asarray(array))
        _write_member(archive, _NPZ_DOCUMENT, np.frombuffer(json.dumps(document).encode(), np.uint8))
    return stream.getvalue()


def _write_member(archive: ZipFile, name: str, array: np.ndarray[Any, Any]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def decode_npz(source: Path | BytesIO) -> tuple[Arrays, dict[str, Any]]:
    """What `encode_npz` wrote. Raises ValueError for other contents, also for compressed members,
    which could unpack to far more than the file."""
    try:
        with ZipFile(source) as archive:
            members = archive.infolist()
            if any(member.file_size != member.compress_size for member in members):
                raise ValueError("its members are compressed")
        with np.load(source, allow_pickle=False) as archived:
            arrays = {name: archived[name] for name in archived.files}
        return arrays, json.loads(arrays.pop("__document__").tobytes())
    except (BadZipFile, KeyError, EOFError, OSError) as error:
        raise ValueError(f"not an archive of Foresight: {error}") from error


def finite(document: Any) -> Any:
    """The document with NaN and infinities replaced by None, as strict JSON wants it."""
    if isinstance(document, float):
        return document if math.isfinite(document) else None
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [finite(value) for value in document]
    return document
