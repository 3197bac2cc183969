"""The API's description: OpenAPI 3.1, written by hand, kept true by a test."""

from __future__ import annotations

from typing import Any, get_args

from unblur import __version__
from unblur.pipeline.only import WORDS
from unblur.web.orders import Task
from unblur.zoo.catalogue import model_names

Json = dict[str, Any]

_ABOUT = """Restores photos and short clips on this computer. Get a token from /api/session and send
it as X-Unblur-Token with everything below /api but pictures, results and ZIP files: those are
open to whoever knows the unguessable identifier of their job. Send files to /api/uploads as they
are (no forms), name them in /api/jobs, follow /api/events or ask /api/jobs/{id}, fetch
/api/jobs/{id}/result. Where the server has a password, it is asked for by HTTP Basic, with any
user name. Errors are {"error": {"code", "message"}}."""


def document() -> Json:
    """Return the description as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "unblur",
            "version": __version__,
            "description": " ".join(_ABOUT.split()),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Beside this description, wherever a proxy may put it.
        "servers": [{"url": ".."}],
        "paths": {**_server_paths(), **_upload_paths(), **_job_paths(), **_result_paths()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Unblur-Token"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _server_paths() -> Json:
    return {
        "/health": {"get": _op("Whether the workers run", _json("Health"), open_to_all=True)},
        "/metrics": {"get": _op("Counts for Prometheus", _of("text/plain"), open_to_all=True)},
        "/api/openapi.json": {
            "get": _op("This description", _json(), open_to_all=True),
        },
        "/api/session": {
            "get": _op("A token, models and limits", _json("Session"), open_to_all=True),
            "delete": _op("Remove all files and jobs of the session", _empty()),
        },
        "/api/events": {
            "get": _op(
                "Server-sent events: 'jobs' with the session's jobs whenever one changes",
                _of("text/event-stream"),
            )
        },
    }


def _upload_paths() -> Json:
    send = _op("Send a photo, clip, mask or PSF", _json("Upload", 201))
    send["parameters"] = [_query("name", "File name, for display and downloads only")]
    send["requestBody"] = {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
    remove = _op("Remove an upload, its jobs and results", _empty())
    return {
        "/api/uploads": {"post": send},
        "/api/uploads/{id}": {"parameters": [_id()], "delete": remove},
    }


def _job_paths() -> Json:
    add = _op("Put a job into the queue", _json("Job", 202))
    add["requestBody"] = {"required": True, "content": _content("Order")}
    return {
        "/api/jobs": {"get": _op("The session's jobs", _json("Jobs")), "post": add},
        "/api/jobs/{id}": {
            "parameters": [_id()],
            "get": _op("One job", _json("Job")),
            "delete": _op("End a job, remove its results", _empty()),
        },
        "/api/jobs/{id}/cancel": {
            "parameters": [_id()],
            "post": _op("End a job; it stays listed", _json("Job")),
        },
    }


def _result_paths() -> Json:
    taking = [
        _query("strength", "0 gives the photo, 1 the full restoration", {"type": "number"}),
        _query("format", "Extension, as png; that of the photo if left out"),
        _query("location", "'strip' leaves out where it was taken"),
    ]
    result = _op("The result, under its name", _of("*/*"), open_to_all=True)
    result["parameters"] = taking
    pictures = {
        "type": "string",
        "enum": ["before", "after", "preview", "motion", "heat", "layers"],
    }
    picture = _op(
        "Pictures for a browser before and after, the motion field as JSON, the heat map of a "
        "'detect' job, the numbers of the layers of a 'layers' job as greys",
        _of("*/*"),
        open_to_all=True,
    )
    which = {"name": "picture", "in": "path", "required": True, "schema": pictures}
    several = _op("Several results in one file", _of("application/zip"), open_to_all=True)
    many = _query("job", "ID or ID:STRENGTH", {"type": "array", "items": {"type": "string"}})
    several["parameters"] = [many | {"required": True}, *taking[1:]]
    return {
        "/api/jobs/{id}/result": {"parameters": [_id()], "get": result},
        "/api/jobs/{id}/{picture}": {"parameters": [_id(), which], "get": picture},
        "/api/zip": {"get": several},
    }


def _op(summary: str, responses: Json, *, open_to_all: bool = False) -> Json:
    failed = {"description": "What went wrong", "content": _content("Error")}
    security: list[Json] = [{}, {"password": []}] if open_to_all else [{"token": []}]
    return {
        "summary": summary,
        "security": security,
        "responses": {**responses, "default": failed},
    }


def _content(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _json(schema: str = "Anything", status: int = 200) -> Json:
    return {str(status): {"description": "Done", "content": _content(schema)}}


def _of(media_type: str) -> Json:
    return {"200": {"description": "Done", "content": {media_type: {}}}}


def _empty() -> Json:
    return {"204": {"description": "Done"}}


def _id() -> Json:
    pattern = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return {"name": "id", "in": "path", "required": True, "schema": pattern}


def _query(name: str, text: str, schema: Json | None = None) -> Json:
    kind = schema or {"type": "string"}
    return {"name": name, "in": "query", "description": text, "schema": kind}


def _object(required: list[str], properties: Json) -> Json:
    return {"type": "object", "required": required, "properties": properties}


def _schemas() -> Json:
    text, whole = {"type": "string"}, {"type": "integer"}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    job = {"$ref": "#/components/schemas/Job"}
    error = _object(["code", "message"], {"code": text, "message": text})
    return {
        "Anything": {"type": "object"},
        "Error": _object(["error"], {"error": error}),
        "Health": _object(["status", "workers"], {"status": text, "workers": whole}),
        "Session": _object(
            ["token", "version", "models", "limits"],
            {
                "token": text,
                "version": text,
                "models": {"type": "array", "items": {"type": "object"}},
                "limits": {"type": "object"},
            },
        ),
        "Upload": _object(
            ["id", "name", "bytes", "kind"],
            {"id": text, "name": text, "bytes": whole, "kind": {"enum": ["file", "clip"]}},
        ),
        "Order": _object(
            ["upload"],
            {
                "upload": text,
                "task": {"enum": [*get_args(Task)], "default": "restore"},
                "model": {"enum": model_names(), "default": model_names()[0]},
                "region": {
                    "description": "x, y, width, height in px: restore only here",
                    "type": ["array", "null"],
                    "items": whole,
                    "minItems": 4,
                    "maxItems": 4,
                },
                "mask": {
                    "description": "upload of a picture, of any size: restore where it is white",
                    "type": ["string", "null"],
                },
                "psf": {
                    "description": "upload of a PSF (picture, .npy, .txt, .csv; odd sides)",
                    "type": ["string", "null"],
                },
                "only": {
                    "description": "what is restored where not all that moved: not with a region, "
                    "mask or psf",
                    "enum": [*WORDS, None],
                    "default": None,
                },
                "at": {
                    "description": "x, y in px, with 'subject': whatever moved by itself there",
                    "type": ["array", "null"],
                    "items": whole,
                    "minItems": 2,
                    "maxItems": 2,
                },
                "tone": {
                    **text,
                    "description": _TONE,
                    "default": "auto",
                    "examples": ["auto", "profile", "srgb", "linear", "gamma:2.2"],
                },
                "strength": {**share, "description": "of clips; photos take it with the result"},
            },
        )
        | {"additionalProperties": False},
        "Jobs": _object(["jobs"], {"jobs": {"type": "array", "items": job}}),
        "Job": _object(
            ["id", "upload", "name", "task", "state", "progress"],
            {
                "id": text,
                "upload": text,
                "name": text,
                "task": {"enum": [*get_args(Task)]},
                "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
                "stage": text,
                "progress": share,
                "preview": {"type": "boolean", "description": "whether a preview can be seen"},
                "place": {**whole, "description": "how many are before it in the queue"},
                "seconds_left": {"type": ["number", "null"]},
                "seconds": {"type": ["number", "null"]},
                "error": {"anyOf": [{"type": "null"}, error]},
                "result": {"type": ["object", "null"], "description": _RESULT},
            },
        ),
    }


_TONE = (
    "How a photo's samples encode light. auto: as the file says; if it says nothing, what "
    "explains the motion best. profile: as the file says, sRGB if it says nothing. Or the curve: "
    "srgb, linear, bt709, pq, hlg, gamma:2.2. Clips are taken as sRGB whatever is asked for."
)
_RESULT = (
    "Of a photo: width, height, format, written_format, bits, changed, verdict (restored, sharp, "
    "small, unsure, unchanged), reason, model, tone (curve; evidence: caller, file, "
    "estimate or assumed; probability; source), length_px, angle_deg, uniform, blur_probability, "
    "seconds, notes. Of a clip: frames, cuts, seconds, notes. Of layers: width, height, cell_px, "
    "and of each layer kind, share, length_px, angle_deg, confidence, centre, colour, psf. Of a "
    "detection: kind, "
    "probabilities, length_px, angle_deg, sharpness."
)
