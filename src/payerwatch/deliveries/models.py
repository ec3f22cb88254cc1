"""The tables of deliveries: endpoints with their secrets, messages, attempts."""

from django.db import models
from django.utils import timezone

from payerwatch.config.trace_context import LENGTH, traceparent
from payerwatch.deliveries.channels import endpoint_channels
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import TenantForeignKey, TenantModel


def new_endpoint_id() -> str:
    return new_public_id("end")


def new_message_id() -> str:
    return new_public_id("msg")


def new_attempt_id() -> str:
    return new_public_id("att")


class Endpoint(TenantModel):
    """Where messages go that is no person: an address of another system, and how it has been answering.

    What fails is paused for a while and, where nothing has arrived for days, disabled: then it says why.
    """

    class State(models.TextChoices):
        ENABLED = "enabled"
        DISABLED = "disabled"

    class Because(models.TextChoices):
        BY_HAND = "by_hand"
        GONE = "gone"
        FAILING = "failing"

    public_id = models.CharField(max_length=24, default=new_endpoint_id, editable=False)
    channel = models.CharField(max_length=20, choices=endpoint_channels)
    sealed_url = models.TextField(help_text="an address may itself be a secret, as those of Slack are")
    name = models.CharField(max_length=100, blank=True, help_text="what it is for")
    event_types = models.JSONField(default=list, help_text="those it is sent; none means all")
    payload_version = models.SmallIntegerField(default=1, help_text="the form of the bodies it is sent")
    state = models.CharField(max_length=8, choices=State, default=State.ENABLED)
    disabled_because = models.CharField(max_length=7, choices=Because, blank=True)
    disabled_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True, help_text="the first failure since something last arrived")
    failures_in_row = models.IntegerField(default=0)
    paused_until = models.DateTimeField(null=True, help_text="nothing is sent before, as it has failed again and again")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, help_text="what was sent to it is kept, so it is too")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="deliveries_endpoint_public_id_unique")
        ]

    def __str__(self) -> str:
        return self.public_id


class SigningSecret(TenantModel):
    """A secret that an endpoint's messages are signed with, beside its successor until it ends."""

    endpoint = TenantForeignKey(Endpoint, on_delete=models.PROTECT, related_name="secrets")
    sealed_secret = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, help_text="of one that has a successor")

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["customer", "endpoint", "id"], name="deliveries_signingsecret_of")]

    def __str__(self) -> str:
        return f"secret {self.pk}"


class Message(TenantModel):
    """One thing told to one receiver, in the bytes it is told in; kept in the transaction of its cause.

    `public_id` is the same in every attempt: by it a receiver knows what it has had already.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"
        DROPPED = "dropped"

    public_id = models.CharField(max_length=24, default=new_message_id, editable=False)
    endpoint = TenantForeignKey(Endpoint, null=True, on_delete=models.PROTECT, related_name="messages")
    recipient = models.CharField(max_length=24, null=True, help_text="the member who is sent it by e-mail")
    type = models.CharField(max_length=40)
    about = models.CharField(max_length=24, blank=True, help_text="the public id of the thing it tells of")
    body = models.TextField(help_text="the bytes that are signed, or what a channel makes its message of")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts_made = models.IntegerField(default=0, help_text="of all")
    attempts_of_schedule = models.IntegerField(default=0, help_text="since it was told, or sent again")
    due_at = models.DateTimeField(null=True, default=timezone.now, help_text="of one that waits")
    sending_until = models.DateTimeField(null=True, help_text="somebody is at it; after that they have died")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True)
    traceparent = models.CharField(
        max_length=LENGTH, default=traceparent, db_default="", editable=False, help_text="of what caused it"
    )

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="deliveries_message_public_id_unique"),
            models.CheckConstraint(
                condition=models.Q(endpoint=None) ^ models.Q(recipient=None), name="deliveries_message_to_one"
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer", "endpoint", "due_at", "id"],
                condition=models.Q(state="waiting"),
                name="deliveries_message_due",
            ),
            models.Index(fields=["customer", "endpoint", "id"], name="deliveries_message_of_endpoint"),
            models.Index(fields=["customer", "about", "id"], name="deliveries_message_about"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def lane(self) -> str:
        """The public id of its receiver, an endpoint or a member: what goes to one is sent one after the other."""
        return self.recipient or self.endpoint.public_id  # type: ignore[union-attr]


class Attempt(TenantModel):
    """One try to deliver a message, and what came back. Never changed."""

    public_id = models.CharField(max_length=24, default=new_attempt_id, editable=False)
    message = TenantForeignKey(Message, on_delete=models.PROTECT, related_name="attempts")
    number = models.IntegerField(help_text="of all that were made for the message, from 1")
    started_at = models.DateTimeField()
    status = models.SmallIntegerField(null=True, help_text="of the answer, where there was one")
    failure = models.CharField(max_length=24, blank=True, help_text="why there was none, or none that can be used")
    milliseconds = models.IntegerField()
    excerpt = models.TextField(blank=True, help_text="how the answer began, without what looks like a secret")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="deliveries_attempt_public_id_unique"),
            models.UniqueConstraint(fields=["customer", "message", "number"], name="deliveries_attempt_number_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id
