"""A verdict as HTTP fields: RateLimit-Policy, RateLimit and, where it refused, Retry-After.

After draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields (RFC 9651), one member for each policy, with
`q` hits in `w` seconds, `r` hits left, and `t` seconds until there is one more.
"""

from payerwatch.throttling.verdict import Verdict


def rate_limit_fields(verdict: Verdict) -> dict[str, str]:
    """Field name -> value. Empty where nothing was to be counted."""
    if not verdict.standings:
        return {}
    fields = {
        "RateLimit-Policy": ", ".join(
            f'"{each.policy}";q={each.rate.limit};w={each.rate.seconds}' for each in verdict.standings
        ),
        "RateLimit": ", ".join(f'"{each.policy}";r={each.remaining};t={each.reset}' for each in verdict.standings),
    }
    if not verdict.allowed:
        fields["Retry-After"] = str(verdict.retry_after)
    return fields
