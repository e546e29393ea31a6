"""The shipped rules as a person would write them for DuckDB: one query a rule.

A query yields a row a match, with the columns of `COLUMNS`: whom it is about, since when (the last touch of a lapse, the day
of an event), whether the needs are met, and the last conversation at the account. Cut-offs come from the company's calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bench.rules_book import NOW
from refsync.calendar import parse_duration
from refsync.company import Company
from refsync.model import moment

COLUMNS = ("subject_id", "account_id", "contact_id", "deal_id", "rep_id", "since", "ready", "talked")


class Cuts:
    """The cut-offs of one company, written into the queries."""

    def __init__(self, company: Company) -> None:
        self._calendar = company.calendar
        self.stale = self._calendar.ago(NOW, company.stale_task)

    def ago(self, length: str) -> int:
        return self._calendar.ago(NOW, parse_duration(length))

    def days_ago(self, days: int) -> int:
        """Return the end of "between N and M days ago": the day itself is within."""
        return self.ago(f"{days - 1} days")

    def day_ago(self, days: int) -> str:
        return self._calendar.back(moment(NOW).date(), parse_duration(f"{days} days")).isoformat()

    def until(self, length: str) -> int:
        return self._calendar.until(NOW, parse_duration(length))

    def by_tier(self, first: str, second: str, other: str) -> str:
        return f"CASE a.tier WHEN 'A' THEN {self.ago(first)} WHEN 'B' THEN {self.ago(second)} ELSE {self.ago(other)} END"


LAST = f"""last AS (
    SELECT account_id, max("at") AS touched, max("at") FILTER (WHERE two_way = 1) AS talked
    FROM touch WHERE "at" <= {NOW} GROUP BY account_id
)"""
ESCALATED = "a.id IN (SELECT account_id FROM support_case WHERE escalated AND closed_at IS NULL)"
WILLING = "NOT coalesce(a.do_not_contact, false)"


def _neglected(cuts: Cuts) -> str:
    return f"""
        WITH {LAST}, {_busy(cuts, "reconnect-neglected-customer")}, {_meeting(cuts)}
        SELECT a.id AS subject_id, a.id AS account_id, NULL AS contact_id, NULL AS deal_id, NULL AS rep_id,
            last.touched AS since, 1 AS ready, last.talked AS talked
        FROM account a LEFT JOIN last ON last.account_id = a.id
        WHERE a.status = 'customer' AND a.created_at < {cuts.ago("30 days")} AND {WILLING}
          AND (last.touched IS NULL OR last.touched < {cuts.by_tier("30 days", "60 days", "120 days")})
          AND NOT coalesce(last.talked < {cuts.ago("2 years")}, false)
          AND a.id NOT IN (SELECT account_id FROM busy WHERE account_id IS NOT NULL)
          AND a.id NOT IN (SELECT account_id FROM meeting WHERE account_id IS NOT NULL)
          AND NOT {ESCALATED}
    """


def _long_silence(cuts: Cuts) -> str:
    return f"""
        WITH {LAST}, {_busy(cuts, "reconnect-after-long-silence")}, {_meeting(cuts)}
        SELECT a.id AS subject_id, a.id AS account_id, NULL AS contact_id, NULL AS deal_id, NULL AS rep_id,
            last.talked AS since, 1 AS ready, last.talked AS talked
        FROM account a JOIN last ON last.account_id = a.id
        WHERE a.status IN ('customer', 'former') AND {WILLING} AND last.talked < {cuts.ago("2 years")}
          AND a.id NOT IN (SELECT account_id FROM busy WHERE account_id IS NOT NULL)
          AND a.id NOT IN (SELECT account_id FROM meeting WHERE account_id IS NOT NULL)
          AND NOT {ESCALATED}
    """


def _cold_people(cuts: Cuts) -> str:
    return f"""
        WITH {LAST}, {_meeting(cuts)}, {_PARTS}, warm AS (
            SELECT a.id, a.tier, last.touched, last.talked FROM account a JOIN last ON last.account_id = a.id
            WHERE a.status = 'customer' AND {WILLING} AND last.touched >= {cuts.by_tier("30 days", "60 days", "120 days")}
              AND a.id NOT IN (SELECT account_id FROM meeting WHERE account_id IS NOT NULL)
              AND NOT {ESCALATED}
        )
        SELECT a.id AS subject_id, a.id AS account_id, NULL AS contact_id, NULL AS deal_id, NULL AS rep_id,
            a.touched AS since, 1 AS ready, a.talked AS talked
        FROM warm a WHERE a.id IN (
            SELECT a.id FROM contact p JOIN warm a ON a.id = p.account_id
            LEFT JOIN spoken ON spoken.contact_id = p.id
            WHERE NOT coalesce(p.do_not_contact, false)
              AND (spoken.touched IS NULL OR spoken.touched < {cuts.by_tier("60 days", "120 days", "365 days")})
              AND (p.id IN (SELECT contact_id FROM in_sale) OR p.id IN (SELECT contact_id FROM in_implementation))
        )
    """


def _people(cuts: Cuts) -> str:
    return f"""
        WITH {LAST}, {_PARTS}
        SELECT p.id AS subject_id, a.id AS account_id, p.id AS contact_id, NULL AS deal_id, NULL AS rep_id,
            spoken.touched AS since, 1 AS ready, last.talked AS talked
        FROM contact p JOIN account a ON a.id = p.account_id
        LEFT JOIN spoken ON spoken.contact_id = p.id LEFT JOIN last ON last.account_id = a.id
        WHERE a.status = 'customer' AND {WILLING} AND NOT coalesce(p.do_not_contact, false)
          AND (spoken.touched IS NULL OR spoken.touched < {cuts.by_tier("60 days", "120 days", "365 days")})
          AND (p.id IN (SELECT contact_id FROM in_sale) OR p.id IN (SELECT contact_id FROM in_implementation))
          AND NOT {ESCALATED}
    """


def _after_reconnect(cuts: Cuts) -> str:
    silence = NOW - cuts.ago("2 years")
    return f"""
        WITH {LAST}, talks AS (SELECT DISTINCT account_id, "at" FROM touch WHERE two_way = 1), gaps AS (
            SELECT account_id, "at", lag("at") OVER (PARTITION BY account_id ORDER BY "at") AS before FROM talks
        ), back AS (SELECT account_id, max("at") AS since FROM gaps WHERE before < "at" - {silence} AND "at" <= {NOW} GROUP BY 1)
        SELECT a.id AS subject_id, a.id AS account_id, NULL AS contact_id, NULL AS deal_id, NULL AS rep_id,
            back.since AS since, CASE WHEN last.talked >= {cuts.ago("60 days")} THEN 1 ELSE 0 END AS ready, last.talked AS talked
        FROM account a JOIN back ON back.account_id = a.id JOIN last ON last.account_id = a.id
        WHERE a.status = 'customer' AND {WILLING} AND last.talked >= {cuts.ago("2 years")}
          AND back.since >= {cuts.ago("120 days")} AND back.since < {cuts.days_ago(14)}
          AND NOT {ESCALATED}
    """


def _milestones(cuts: Cuts, which: str, warm: str = "90 days", status: str = "customer") -> str:
    """An ask after milestones: for each of `which`, in touch within `warm`."""
    return f"""
        WITH {LAST}
        SELECT m.id AS subject_id, a.id AS account_id, m.contact_id AS contact_id, m.deal_id AS deal_id, NULL AS rep_id,
            m.reached AS since, CASE WHEN last.talked >= {cuts.ago(warm)} THEN 1 ELSE 0 END AS ready, last.talked AS talked
        FROM milestone m JOIN account a ON a.id = m.account_id JOIN last ON last.account_id = a.id
        WHERE a.status = '{status}' AND {WILLING} AND last.talked >= {cuts.ago("2 years")} AND NOT {ESCALATED} AND {which}
    """


def _after_milestone(cuts: Cuts) -> str:
    reached = f"m.reached >= {cuts.ago('120 days')} AND m.reached < {cuts.days_ago(7)}"
    return _milestones(cuts, f"m.kind IN ('signed', 'implemented', 'roi') AND {reached}")


def _after_thanks(cuts: Cuts) -> str:
    return _milestones(cuts, f"m.kind = 'thanked' AND m.reached >= {cuts.ago('21 days')} AND m.reached <= {NOW}")


def _came_by_referral(cuts: Cuts) -> str:
    reached = f"m.reached >= {cuts.ago('180 days')} AND m.reached < {cuts.days_ago(30)}"
    came = """a.id IN (
        SELECT account_id FROM deal WHERE status = 'won'
        AND (coalesce(referred_by_contact_id, '') <> '' OR id IN (SELECT deal_id FROM introduction WHERE deal_id IS NOT NULL))
    )"""
    return _milestones(cuts, f"m.kind = 'signed' AND {reached} AND {came}")


def _other_divisions(cuts: Cuts) -> str:
    reached = f"m.reached >= {cuts.ago('180 days')} AND m.reached < {cuts.days_ago(7)}"
    alone = "d.id NOT IN (SELECT account_id FROM deal WHERE status IN ('open', 'won') AND account_id IS NOT NULL)"
    groups = f"""a.id IN (
        SELECT sister.id FROM account sister JOIN account d ON d.parent_id = sister.parent_id AND d.id <> sister.id WHERE {alone}
        UNION SELECT d.parent_id FROM account d WHERE d.parent_id <> d.id AND {alone}
    )"""
    return _milestones(cuts, f"m.kind IN ('implemented', 'roi') AND {reached} AND {groups}")


def _during_the_sale(cuts: Cuts) -> str:
    added = f"""m.kind = 'thanked' AND m.reached >= {cuts.ago("21 days")} AND m.reached <= {NOW}
        AND a.id IN (SELECT account_id FROM deal WHERE status = 'open')
        AND a.id IN (
            SELECT account_id FROM milestone
            WHERE kind = 'value added' AND reached >= {cuts.ago("180 days")} AND reached <= {NOW}
        )"""
    return _milestones(cuts, added, warm="30 days", status="prospect")


_STANDS = """stands AS (
    SELECT i.*, CASE WHEN d.status IN ('won', 'lost') THEN d.status ELSE i.status END AS now,
        CASE WHEN d.status IN ('won', 'lost') THEN d.closed_on END AS decided_on, d.status IN ('won', 'lost') AS decided
    FROM introduction i LEFT JOIN deal d ON d.id = i.deal_id
)"""


def _introductions(which: str, *others: str) -> str:
    """Introductions at accounts that may be contacted: those of `which`, with further tables."""
    return f"""
        WITH {", ".join((LAST, *others))}
        SELECT i.id AS subject_id, a.id AS account_id, i.source_contact_id AS contact_id, i.deal_id AS deal_id,
            i.owner_id AS rep_id, i.made_at AS since, 1 AS ready, last.talked AS talked
        FROM {"stands" if _STANDS in others else "introduction"} i JOIN account a ON a.id = i.account_id
        LEFT JOIN last ON last.account_id = a.id
        WHERE {WILLING} AND {which}
    """


def _follow_up(cuts: Cuts) -> str:
    return _introductions(
        f"""i.made_at >= {cuts.ago("90 days")} AND i.made_at < {cuts.days_ago(2)} AND i.now IN ('new', 'no answer')
        AND NOT EXISTS (SELECT 1 FROM lately WHERE lately.contact_id = i.person_contact_id)""",
        _STANDS,
        f"""lately AS (SELECT contact_id FROM touch WHERE "at" >= {cuts.ago("10 business days")} AND "at" <= {NOW})""",
    )


_CALLED = f"""called AS (
    SELECT i.id FROM introduction i JOIN touch t ON t.contact_id = i.source_contact_id
    WHERE t.channel = 'call' AND t."at" >= i.made_at AND t."at" <= {NOW}
    UNION SELECT subject_id FROM finding
    WHERE subject_kind = 'introduction' AND kind = 'thanks' AND state = 'done' AND "do" = 'call'
)"""
_WRITTEN = f"""written AS (
    SELECT i.id FROM introduction i JOIN activity_contact l ON l.contact_id = i.source_contact_id
    JOIN activity n ON n.id = l.activity_id
    WHERE n.kind = 'email' AND n.direction = 'out' AND n.status = 'done' AND NOT n.automated AND n.task_key = ''
      AND n."at" >= i.made_at AND n."at" <= {NOW}
    UNION SELECT subject_id FROM finding
    WHERE subject_kind = 'introduction' AND kind = 'thanks' AND state = 'done' AND "do" = 'email'
)"""


def _thank_by_call(cuts: Cuts) -> str:
    which = f"i.made_at >= {cuts.ago('30 days')} AND i.made_at <= {NOW} AND a.tier IN ('A', 'B')"
    return _introductions(f"{which} AND i.id NOT IN (SELECT id FROM called)", _CALLED)


def _thank_by_mail(cuts: Cuts) -> str:
    return _introductions(
        f"""i.made_at >= {cuts.ago("30 days")} AND i.made_at <= {NOW}
        AND (i.id IN (SELECT id FROM called) OR i.made_at < {cuts.ago("2 business days")} OR a.tier NOT IN ('A', 'B'))
        AND i.id NOT IN (SELECT id FROM written)""",
        _CALLED,
        _WRITTEN,
    )


def _thank_by_note(cuts: Cuts) -> str:
    return _introductions(
        f"""i.made_at >= {cuts.ago("60 days")} AND i.made_at <= {NOW} AND a.tier = 'A'
        AND (i.id IN (SELECT id FROM written) OR i.made_at < {cuts.ago("5 business days")})""",
        _WRITTEN,
    )


def _tell_met(cuts: Cuts) -> str:
    return _introductions(
        f"""i.now = 'met' AND (
            i.status_since >= {cuts.ago("14 days")} AND i.status_since <= {NOW}
            OR NOT coalesce(i.status_since <= {NOW}, false) AND i.made_at >= {cuts.ago("60 days")} AND i.made_at <= {NOW}
        )""",
        _STANDS,
    )


def _tell_outcome(cuts: Cuts) -> str:
    return _introductions(
        f"""i.now IN ('won', 'lost') AND CASE
            WHEN i.decided THEN i.decided_on >= '{cuts.day_ago(30)}' AND i.decided_on <= '{cuts.day_ago(0)}'
            ELSE i.status_since >= {cuts.ago("30 days")} AND i.status_since <= {NOW}
        END""",
        _STANDS,
    )


_PARTS = f"""spoken AS (
    SELECT contact_id, max("at") AS touched FROM touch WHERE "at" <= {NOW} GROUP BY contact_id
), in_sale AS (
    SELECT l.contact_id FROM deal_contact l JOIN deal d ON d.id = l.deal_id JOIN contact p ON p.id = l.contact_id
    WHERE d.account_id = p.account_id AND coalesce(d.status, '') <> 'lost'
), spans AS (
    SELECT account_id, min(reached) FILTER (WHERE kind = 'signed') AS signed,
        max(reached) FILTER (WHERE kind = 'implemented') AS implemented
    FROM milestone WHERE kind IN ('signed', 'implemented') GROUP BY account_id
), in_implementation AS (
    SELECT t.contact_id FROM touch t JOIN spans ON spans.account_id = t.account_id
    JOIN contact p ON p.id = t.contact_id AND p.account_id = t.account_id
    WHERE t."at" >= spans.signed AND t."at" <= spans.implemented
)"""


def _plans(name: str, which: str, *further: str) -> str:
    """A table of the accounts that the planned activities of `which` are with: their own, their deal's, their people's."""
    more = "".join(f" UNION ALL {one}" for one in further)
    return f"""{name}_activity AS (SELECT id, account_id, deal_id FROM activity WHERE {which}), {name} AS (
        SELECT coalesce(n.account_id, d.account_id) AS account_id FROM {name}_activity n LEFT JOIN deal d ON d.id = n.deal_id
        UNION ALL SELECT p.account_id FROM {name}_activity n JOIN activity_contact l ON l.activity_id = n.id
            JOIN contact p ON p.id = l.contact_id
        UNION ALL SELECT f.account_id FROM {name}_activity n JOIN activity_contact l ON l.activity_id = n.id
            JOIN account_contact f ON f.contact_id = l.contact_id{more}
    )"""


def _busy(cuts: Cuts, rule: str) -> str:
    tasks = f"""kind = 'task' AND status = 'planned' AND task_key = '' AND ("at" >= {cuts.stale} OR "at" IS NULL)"""
    written = f"SELECT account_id FROM finding WHERE state IN ('sending', 'open', 'snoozed') AND rule <> '{rule}'"
    return _plans("busy", tasks, written)


def _meeting(cuts: Cuts) -> str:
    return _plans(
        "meeting",
        f"""kind = 'meeting' AND status IN ('planned', 'done') AND "at" > {NOW} AND "at" < {cuts.until("14 days")}""",
    )


def _coverage_low(cuts: Cuts) -> str:
    return f"""
        WITH {LAST}, books AS (
            SELECT a.owner_id, count(*) AS book,
                count(*) FILTER (WHERE last.touched >= {cuts.by_tier("30 days", "60 days", "120 days")}) AS warm
            FROM account a LEFT JOIN last ON last.account_id = a.id
            WHERE a.status = 'customer' AND a.owner_id IS NOT NULL GROUP BY a.owner_id
        )
        SELECT u.id AS subject_id, '' AS account_id, NULL AS contact_id, NULL AS deal_id, NULL AS rep_id, NULL AS since,
            1 AS ready, NULL AS talked
        FROM crm_user u JOIN books ON books.owner_id = u.id
        WHERE u.active AND books.book >= 20 AND warm * 100 // books.book < 50
    """


QUERIES: Mapping[str, Callable[[Cuts], str]] = MappingProxyType(
    {
        "account-warm-people-cold": _cold_people,
        "ask-after-reconnect": _after_reconnect,
        "ask-came-by-referral": _came_by_referral,
        "ask-during-the-sale": _during_the_sale,
        "ask-other-divisions": _other_divisions,
        "ask-referral-after-milestone": _after_milestone,
        "ask-referral-after-thanks": _after_thanks,
        "coverage-low": _coverage_low,
        "follow-up-introduction": _follow_up,
        "reconnect-after-long-silence": _long_silence,
        "reconnect-neglected-customer": _neglected,
        "stay-in-touch-people": _people,
        "tell-source-met": _tell_met,
        "tell-source-outcome": _tell_outcome,
        "thank-source-call": _thank_by_call,
        "thank-source-email": _thank_by_mail,
        "thank-source-note": _thank_by_note,
    }
)
