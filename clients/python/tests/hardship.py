"""What test.sh tells, and what ../../hardship.py does."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from urllib.request import urlopen

from spectra.samples.v1.sample_pb2 import Sample
from spectra.samples.v1.samples_service_pb2 import CreateSampleRequest, ListSamplesRequest
from spectra_lab import Tokens

LAB, PROXY, EDGE, TLS = (os.environ[f"SPECTRA_{name}"] for name in ("LAB", "PROXY", "EDGE", "TLS"))
ENGINEER = ("engineer@demo.lab", "eng123")
#: In so many seconds, a shortened token has ended.
SHORT_S = 3.5


def hardship(what: str) -> str:
    with urlopen(f"{os.environ['SPECTRA_HARDSHIP']}/{what}") as answer:
        return str(answer.read().decode())


def shortened(tokens: Tokens) -> Tokens:
    """With an access token that ends within 2 s, which the client does not know."""
    return replace(tokens, access_token=hardship(f"shorten/{tokens.access_token}"))


def unique(what: str) -> str:
    return f"{what}-{uuid.uuid4()}"


def new_sample(lot: str = "", barcode: str = "", request_id: str = "") -> CreateSampleRequest:
    sample = Sample(name=unique("sample"), material_type="wafer", lot_code=lot, barcode=barcode)
    return CreateSampleRequest(sample=sample, request_id=request_id)


def of_lot(lot: str) -> ListSamplesRequest:
    """In pages of two."""
    return ListSamplesRequest(filter=f'lot_code = "{lot}"', page_size=2)
