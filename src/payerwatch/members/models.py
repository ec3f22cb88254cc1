"""The tables of people and of what lets them and their programs in.

The door reads `Person`, `Session` and `PersonCustomer` before it knows the customer, so these have no row
policy; they hold ids and what signing in needs. `Member`, `Invitation` and `ApiKey` belong to a customer. Every
secret is stored as the SHA-256 of at least 160 random bits (120 in recovery codes, which people type),
passwords as Argon2; what we must know ourselves to check a code or a signature is sealed.
"""

from django.db import models

from payerwatch.members.roles import Role
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import Customer, TenantForeignKey, TenantModel


def new_person_id() -> str:
    return new_public_id("per")


def new_member_id() -> str:
    return new_public_id("mbr")


def new_invitation_id() -> str:
    return new_public_id("inv")


def new_session_id() -> str:
    return new_public_id("ses")


def new_key_id() -> str:
    return new_public_id("key")


class Person(models.Model):
    """Someone who signs in by e-mail; may be a member of several customers. Operators run the installation."""

    public_id = models.CharField(max_length=24, unique=True, default=new_person_id, editable=False)
    email = models.CharField(max_length=254, unique=True, help_text="in lower case, as compared")
    name = models.CharField(max_length=200)
    password = models.CharField(max_length=200, blank=True, help_text="Argon2 hash; empty until one is chosen")
    is_operator = models.BooleanField(default=False)
    suspended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    password_changed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id


class PersonCustomer(models.Model):
    """Of which customers a person is a member: ids alone, read to offer a choice."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "customer"], name="members_personcustomer_unique"),
        ]


class Member(TenantModel):
    """A person's place in a customer, and their role there."""

    class State(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    public_id = models.CharField(max_length=24, default=new_member_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role.of_members()])
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="members_member_public_id_unique"),
            models.UniqueConstraint(fields=["customer", "person"], name="members_member_person_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Invitation(TenantModel):
    """An e-mail address asked to become a member. The link holds the secret once, for seven days."""

    public_id = models.CharField(max_length=24, default=new_invitation_id, editable=False)
    email = models.CharField(max_length=254)
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role.of_members()])
    digest = models.CharField(max_length=64)
    invited_by = models.CharField(max_length=24, blank=True, help_text="public id of who invited")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="members_invitation_public_id_unique"),
            models.UniqueConstraint(fields=["customer", "digest"], name="members_invitation_digest_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Session(models.Model):
    """A person signed in: in a browser by cookie, or a program by tokens whose refresh token rotates.

    `customer` is whom the session acts in now. `digest` is the browser's secret, or the refresh token that is
    valid now; `rotated_at` is when it became so. An ended session stays, so that it can be looked up.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser"
        PROGRAM = "program"

    public_id = models.CharField(max_length=24, unique=True, default=new_session_id, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    digest = models.CharField(max_length=64, unique=True)
    rotated_at = models.DateTimeField(null=True)
    with_second_factor = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True, help_text="why an operator entered the customer")
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="the end whatever happens; idleness ends it sooner")
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=24, blank=True)

    def __str__(self) -> str:
        return self.public_id


class PasswordReset(models.Model):
    """A link to choose a new password: once, within an hour."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class SecondFactor(models.Model):
    """A person's authenticator (TOTP, RFC 6238). `last_step` is the time step last used: no code works twice."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.CharField(max_length=200, help_text="sealed")
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)


class RecoveryCode(models.Model):
    """One of the codes that stand in for a lost authenticator, each once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "digest"], name="members_recoverycode_unique")]


class ApiKey(TenantModel):
    """A program's own credential. `prefix` is its first characters, shown so that people can tell keys apart."""

    public_id = models.CharField(max_length=24, default=new_key_id, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=24)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list, help_text="the permissions it has")
    allowed_addresses = models.JSONField(default=list, help_text="networks it may call from; none means any")
    issued_by = models.CharField(max_length=24, blank=True, help_text="public id of who issued it")
    rotated_from = TenantForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=45, blank=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "public_id"], name="members_apikey_public_id_unique"),
            models.UniqueConstraint(fields=["customer", "digest"], name="members_apikey_digest_unique"),
        ]

    def __str__(self) -> str:
        return self.public_id


class IngestSecret(TenantModel):
    """What the customer's senders sign batches with. While one is in force, no batch is taken unsigned.

    The present one has no end; the one before it ends with the overlap of the rotation.
    """

    secret = models.CharField(max_length=300, help_text="sealed")
    made_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(ends_at=None), name="members_ingestsecret_present"
            ),
        ]


class KeptAnswer(TenantModel):
    """The answer to a request that named itself by an Idempotency-Key, so that it is done once.

    `digest` stands for who asked what under which key, `payload` for what was sent: HMACs, as either may be guessed.
    """

    digest = models.CharField(max_length=64)
    payload = models.CharField(max_length=64)
    answer = models.TextField(help_text="sealed")
    kept_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "digest"], name="members_keptanswer_digest_unique"),
        ]
        indexes = [models.Index(fields=["customer", "kept_at"], name="members_keptanswer_kept_at")]
