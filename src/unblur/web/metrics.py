"""Counts for monitoring, in the text format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from unblur import __version__
from unblur.web.hub import Hub

STATES = ("queued", "running", "done", "failed", "cancelled")


def metrics_text(hub: Hub) -> str:
    """Return what a server counted; no names, no pictures, nothing of any client."""
    counts = hub.queue.counts()
    finished = hub.queue.finished
    parts = [
        _metric("unblur_info", "gauge", "Version.", {f'version="{__version__}"': 1}),
        _metric("unblur_up_seconds", "gauge", "Since the start.", {"": time.time() - hub.begun}),
        _metric(
            "unblur_jobs",
            "gauge",
            "Jobs held, by state.",
            {f'state="{state}"': counts[state] for state in STATES},
        ),
        _metric(
            "unblur_jobs_finished_total",
            "counter",
            "Jobs that ended since the start.",
            {f'state="{state}"': finished[state] for state in STATES[2:]},
        ),
        _metric("unblur_job_seconds_total", "counter", "Spent on jobs.", {"": hub.queue.seconds}),
        _metric("unblur_uploads", "gauge", "Uploads held.", {"": hub.store.count}),
        _metric("unblur_stored_bytes", "gauge", "Of all files held.", {"": hub.store.stored_bytes}),
        _metric("unblur_received_bytes_total", "counter", "Uploaded.", {"": hub.received_bytes}),
        _metric(
            "unblur_workers_alive",
            "gauge",
            "Worker processes that run.",
            {"": sum(worker.is_alive for worker in hub.workers)},
        ),
        _metric(
            "unblur_worker_restarts_total",
            "counter",
            "Worker processes that had to be replaced.",
            {"": sum(worker.restarts for worker in hub.workers)},
        ),
        _metric(
            "unblur_http_answers_total",
            "counter",
            "Answers, by status.",
            {f'status="{status}"': count for status, count in sorted(hub.answers.items())},
        ),
    ]
    return "".join(parts)


def _metric(name: str, kind: str, text: str, values: Mapping[str, float]) -> str:
    rows: Iterable[str] = (
        f"{name}{{{label}}} {value:.10g}\n" if label else f"{name} {value:.10g}\n"
        for label, value in values.items()
    )
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{''.join(rows)}"
