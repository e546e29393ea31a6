"""The arbitration among all shipped rules as a person would write it for DuckDB: one query over their matches and the ledger."""

from __future__ import annotations

from bench.rules_book import NOW
from bench.rules_by_hand import COLUMNS, QUERIES, Cuts
from refsync.finding import State
from refsync.model import moment
from refsync.rules.rule import Repeat, Rule, RuleSet

FIRST = "reconnect-before-asking"
PRIORITIES = ("urgent", "high", "normal", "low")
LAPSES = {
    "reconnect-neglected-customer": ("30 days", "60 days", "120 days"),
    "reconnect-after-long-silence": ("2 years", "2 years", "2 years"),
    "stay-in-touch-people": ("60 days", "120 days", "365 days"),
}
"""Rules about a lapse, with its threshold by tier: what their score is measured by."""


def arbitration(rules: RuleSet) -> str:
    """Return the query of who gets a task: the winner's rule, subject and owner, of all rules and the ledger at once."""
    company = rules.company
    cuts = Cuts(company)
    named = [rules.rule(name) for name in (*QUERIES, FIRST)]
    settings = ", ".join(_setting(rule, rules, cuts) for rule in named if rule)
    matches = " UNION ALL ".join(
        f"SELECT '{name}' AS rule, {', '.join(COLUMNS)} FROM ({make(cuts)})" for name, make in QUERIES.items()
    )
    today, week = cuts.ago("0 days"), cuts.ago(f"{moment(NOW).weekday()} days")
    lapses = ", ".join(f"'{name}'" for name in LAPSES)
    limits = company.limits
    left = f"least({limits.per_rep_per_day} - coalesce(given.day, 0), {limits.per_rep_per_week} - coalesce(given.week, 0))"
    merit = "score DESC, coalesce(revenue, 0) DESC, name, task_about"
    return f"""
    WITH setting(rule, kind, place, priority, is_event, repeats, done_cut, dismissed_cut, expired_cut) AS (VALUES {settings}),
    match AS ({matches}),
    there AS (
        SELECT account_id, count(*) FILTER (WHERE state = 'open' AND kind IN ('ask', 'care')) AS shared,
            count(*) FILTER (WHERE state = 'open' AND kind = 'ask') AS asks,
            count(*) FILTER (WHERE state = 'open' AND (rule LIKE 'reconnect-%' OR kind = 'thanks')) AS blocking,
            count(*) FILTER (WHERE state = 'open' AND kind IN ('ask', 'care') AND opened_at >= {today}) AS today,
            max(closed_at) FILTER (WHERE state = 'done' AND kind = 'ask') AS asked
        FROM finding WHERE account_id IS NOT NULL GROUP BY account_id
    ),
    own AS (
        SELECT m.*, s.kind, a.name, a.annual_revenue AS revenue, a.owner_id AS account_owner, a.tier,
            coalesce(there.shared, 0) AS shared, coalesce(there.today, 0) AS today,
            s.kind = 'ask' AND (there.asks >= {company.ask.per_account_open} OR there.blocking > 0
                OR there.asked >= {cuts.ago("180 days")}) AS no_ask,
            CASE WHEN s.is_event THEN greatest(0.0, ({NOW} - m.since) / 86400000.0)
                {" ".join(_score(name, cuts) for name in LAPSES)} ELSE 0.0 END AS score
        FROM match m JOIN setting s ON s.rule = m.rule LEFT JOIN account a ON a.id = m.account_id
        LEFT JOIN there ON there.account_id = m.account_id LEFT JOIN finding f ON f.rule = m.rule AND f.subject_id = m.subject_id
        WHERE {_may_repeat("f", "s", f"CASE WHEN m.rule IN ({lapses}) THEN coalesce(m.since, 0) ELSE -1 END")}
    ),
    spoken AS (
        SELECT o.*, CASE WHEN o.ready = 1 THEN o.rule ELSE '{FIRST}' END AS speaks,
            CASE WHEN o.ready = 1 THEN o.subject_id ELSE o.account_id END AS task_about
        FROM own o CROSS JOIN (SELECT * FROM setting WHERE rule = '{FIRST}') s
        LEFT JOIN finding f ON o.ready = 0 AND f.rule = '{FIRST}' AND f.subject_id = o.account_id
        WHERE NOT coalesce(o.no_ask, false) AND (o.ready = 1 OR {_may_repeat("f", "s", "coalesce(o.talked, 0)")})
    ),
    wish AS (
        SELECT * FROM spoken QUALIFY row_number() OVER (PARTITION BY speaks, task_about ORDER BY {merit}, rule, subject_id) = 1
    ),
    won AS (
        SELECT w.*, s.place, s.priority FROM wish w JOIN setting s ON s.rule = w.speaks
        WHERE s.kind NOT IN ('ask', 'care') OR w.rule = 'coverage-low' OR w.shared < {company.limits.per_account_open}
        QUALIFY s.kind NOT IN ('ask', 'care') OR w.rule = 'coverage-low' OR w.today = 0 AND row_number() OVER (
            PARTITION BY w.account_id, s.kind IN ('ask', 'care') ORDER BY s.place, {merit}
        ) = 1
    ),
    given AS (
        SELECT owner_id, count(*) FILTER (WHERE opened_at >= {today}) AS day, count(*) AS week FROM finding
        WHERE opened_at >= {week} AND state NOT IN ('pending', 'waiting') GROUP BY owner_id
    ),
    assigned AS (
        SELECT w.*, CASE
            WHEN w.rule = 'coverage-low' THEN about.manager_id
            WHEN rep.active AND w.kind IN ('thanks', 'follow-up') THEN rep.id
            WHEN person.active AND w.speaks <> '{FIRST}' AND w.kind IN ('ask', 'care') THEN person.id
            WHEN owner.active THEN owner.id
            WHEN deal_owner.active AND w.speaks <> '{FIRST}' AND w.kind IN ('ask', 'care') THEN deal_owner.id
            ELSE owner.manager_id
        END AS owner_id
        FROM won w LEFT JOIN crm_user owner ON owner.id = w.account_owner LEFT JOIN crm_user rep ON rep.id = w.rep_id
        LEFT JOIN crm_user about ON about.id = w.subject_id
        LEFT JOIN contact c ON c.id = w.contact_id LEFT JOIN crm_user person ON person.id = c.owner_id
        LEFT JOIN deal d ON d.id = w.deal_id LEFT JOIN crm_user deal_owner ON deal_owner.id = d.owner_id
    ),
    turned AS (
        SELECT *, row_number() OVER (PARTITION BY owner_id, speaks ORDER BY {merit}) AS turn FROM assigned
        WHERE owner_id IN (SELECT id FROM crm_user WHERE active)
    ),
    queued AS (
        SELECT *, row_number() OVER (PARTITION BY owner_id ORDER BY priority, turn, place, {merit}, speaks) AS stands FROM turned
    )
    SELECT speaks, task_about, q.owner_id FROM queued q LEFT JOIN given ON given.owner_id = q.owner_id
    WHERE stands <= {left}
    """


def _setting(rule: Rule, rules: RuleSet, cuts: Cuts) -> str:
    pauses = (rule.repeat.after_done, rule.repeat.after_dismissed, rule.repeat.after_expired)
    ends = [str(cuts.ago(str(pause))) if pause else "-1" for pause in pauses]
    place, priority = rules.rank(rule.name), PRIORITIES.index(rule.task.priority)
    kind, repeats = rule.kind.value, rule.repeat != Repeat()
    return f"('{rule.name}', '{kind}', {place}, {priority}, {rule.is_event}, {repeats}, {', '.join(ends)})"


def _score(name: str, cuts: Cuts) -> str:
    first, second, other = (NOW - cuts.ago(length) for length in LAPSES[name])
    threshold = f"CASE a.tier WHEN 'A' THEN {first} WHEN 'B' THEN {second} ELSE {other} END"
    return f"WHEN m.rule = '{name}' THEN CASE WHEN m.since IS NULL THEN 'inf'::DOUBLE ELSE ({NOW} - m.since) / ({threshold}) END"


def _may_repeat(finding: str, setting: str, since: str) -> str:
    """Say that a subject never had the rule's task, had it in an earlier lapse, or long enough ago."""
    f, s = finding, setting
    pause = f"""CASE {f}.state WHEN '{State.DONE.value}' THEN {s}.done_cut
        WHEN '{State.DISMISSED.value}' THEN {s}.dismissed_cut ELSE {s}.expired_cut END"""
    earlier = f"{f}.state <> 'open' AND {f}.opened_at <= {since}"
    return f"({f}.key IS NULL OR {earlier} OR {f}.state <> 'open' AND {s}.repeats AND {f}.closed_at < {pause})"
