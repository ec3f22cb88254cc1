"""What of a description would break a client that was written to the one before.

`breaks(before, after)` names each: a path, operation, answer or field that is gone, a field or parameter that is asked
for anew, a value or limit that is narrower, a kind that is another. What answers hold may grow; what requests hold
may be asked less strictly.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
METHODS = frozenset({"get", "post", "patch", "put", "delete"})
_LOWER, _UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


def breaks(before: Document, after: Document) -> list[str]:
    return sorted(set(_Comparison(before, after).found()))


class _Comparison:
    def __init__(self, before: Document, after: Document) -> None:
        self.before, self.after = before, after

    def found(self) -> Iterator[str]:
        for path, methods in self.before["paths"].items():
            now = self.after["paths"].get(path)
            if now is None:
                yield f"{path}: the path is gone"
                continue
            for method in METHODS.intersection(methods):
                place = f"{method.upper()} {path}"
                if method in now:
                    yield from self._operation(place, methods[method], now[method])
                else:
                    yield f"{place}: the operation is gone"

    def _operation(self, place: str, was: Document, now: Document) -> Iterator[str]:
        if was["operationId"] != now["operationId"]:
            yield f"{place}: its operationId is another"
        if was.get("x-permission") != now.get("x-permission"):
            yield f"{place}: it needs another permission"
        yield from self._parameters(place, was, now)
        yield from self._request(place, was.get("requestBody"), now.get("requestBody"))
        for status, answer in was["responses"].items():
            if status >= "400":
                continue
            if status not in now["responses"]:
                yield f"{place}: the answer {status} is gone"
                continue
            yield from self._contents(f"{place} {status}", answer, now["responses"][status], sent=False)

    def _parameters(self, place: str, was: Document, now: Document) -> Iterator[str]:
        old = {(each["in"], each["name"]): each for each in was.get("parameters", ())}
        new = {(each["in"], each["name"]): each for each in now.get("parameters", ())}
        for (_, name), each in ((key, value) for key, value in new.items() if key not in old):
            if each["required"]:
                yield f"{place}: the parameter {name} is required anew"
        for key, each in old.items():
            if key not in new:
                yield f"{place}: the parameter {key[1]} is gone"
                continue
            if new[key]["required"] and not each["required"]:
                yield f"{place}: the parameter {key[1]} is required now"
            yield from self._schema(f"{place} {key[1]}", each["schema"], new[key]["schema"], sent=True)

    def _request(self, place: str, was: Document | None, now: Document | None) -> Iterator[str]:
        if was and not now:
            yield f"{place}: the body is gone"
        if now and not was and now.get("required"):
            yield f"{place}: a body is required anew"
        if was and now:
            yield from self._contents(f"{place} body", was, now, sent=True)

    def _contents(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        for kind, media in was.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{place}: {kind} is gone"
                continue
            yield from self._schema(place, media["schema"], now["content"][kind]["schema"], sent=sent)

    def _schema(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        was, now = _resolved(was, self.before), _resolved(now, self.after)
        yield from _kinds(place, was, now, sent=sent)
        yield from _limits(place, was, now) if sent else ()
        yield from self._fields(place, was, now, sent=sent)
        if "items" in was and "items" in now:
            yield from self._schema(f"{place}[]", was["items"], now["items"], sent=sent)
        for joined in ("oneOf", "allOf", "anyOf"):
            for one, other in zip(was.get(joined, ()), now.get(joined, ()), strict=False):
                yield from self._schema(place, one, other, sent=sent)

    def _fields(self, place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
        fields, kept = was.get("properties", {}), now.get("properties", {})
        for name in fields:
            if name in kept:
                yield from self._schema(f"{place}.{name}", fields[name], kept[name], sent=sent)
            else:
                yield f"{place}: the field {name} is gone"
        asked, asked_before = set(now.get("required", ())), set(was.get("required", ()))
        if sent:
            yield from (f"{place}: the field {name} is required now" for name in asked - asked_before)
        else:
            yield from (f"{place}: the field {name} may be missing now" for name in (asked_before - asked) & set(kept))


def _resolved(schema: Document, document: Document) -> Document:
    if "$ref" in schema:
        found: Document = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kinds(place: str, was: Document, now: Document, *, sent: bool) -> Iterator[str]:
    old, new = _set_of(was.get("type")), _set_of(now.get("type"))
    narrower = bool(old - new) if sent else bool(new - old)
    if narrower or (bool(old) != bool(new)):
        yield f"{place}: its type is another"
    if was.get("format") != now.get("format"):
        yield f"{place}: its format is another"
    values, values_now = was.get("enum"), now.get("enum")
    if sent and values_now is not None and (values is None or set(values) - set(values_now)):
        yield f"{place}: it takes fewer values"
    if not sent and values is not None and (values_now is None or set(values) - set(values_now)):
        yield f"{place}: values are gone"


def _limits(place: str, was: Document, now: Document) -> Iterator[str]:
    for name in _LOWER:
        if name in now and now[name] > was.get(name, float("-inf")):
            yield f"{place}: {name} is narrower"
    for name in _UPPER:
        if name in now and now[name] < was.get(name, float("inf")):
            yield f"{place}: {name} is narrower"
    if "pattern" in now and now["pattern"] != was.get("pattern"):
        yield f"{place}: its pattern is another"
    if now.get("additionalProperties") is False and was.get("additionalProperties") is not False:
        yield f"{place}: fields that are not named are refused now"


def _set_of(kinds: Any) -> set[str]:
    if kinds is None:
        return set()
    return {kinds} if isinstance(kinds, str) else set(kinds)
