"""What every change goes through once the caller may make it: done once, and of what was read."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from payerwatch.members.authority import hold_customer
from payerwatch.members.door import READING_METHODS
from payerwatch.web.api.once import asking_of, keep_answer, replayed
from payerwatch.web.api.preconditions import present_etag, refuse_unless_current


class Writing(GenericViewSet):
    """Runs before a view's own action, in the request's transaction, where the request is not one that reads."""

    guarded: ClassVar[frozenset[str]] = frozenset()
    """Actions that need If-Match: they change what people set up together."""
    keeps_answers: ClassVar[bool] = True
    """Whether a POST takes an Idempotency-Key, where an answer can be kept at all."""
    own_keys: ClassVar[frozenset[str]] = frozenset()
    """Actions that remember an Idempotency-Key themselves, for longer than answers are kept."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in READING_METHODS:
            name = str(request.method).lower()
            setattr(self, name, partial(self._write, getattr(self, name)))

    def hold(self) -> None:
        """Lock what a guarded action changes until the transaction ends, against everyone who changes it."""
        hold_customer()

    def represented(self) -> Any:
        """What reading this address shows now, for guarded actions."""
        return self.get_serializer(self.get_object()).data

    def _write(self, act: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asking = asking_of(self, request)
        known = replayed(self, asking) if asking is not None else None
        if known is not None:
            return known
        if self.action in self.guarded:
            refuse_unless_current(self, request)
        response: HttpResponse = self._finished(act(request, *args, **kwargs))
        if self.action in self.guarded and response.status_code == 200:
            response.headers["ETag"] = present_etag(self, request)
        if asking is not None:
            keep_answer(self, asking, response)
        return response

    def _finished(self, response: Any) -> Any:
        """With its body, as it will be sent: the framework makes that only after the view."""
        finished: Any = self.finalize_response(self.request, response)
        return finished.render() if isinstance(finished, Response) else finished
