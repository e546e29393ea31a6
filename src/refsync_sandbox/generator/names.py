"""Names of nobody: people and companies that sound real and are invented, some of them hard on careless software."""

from __future__ import annotations

from random import Random

FIRST = (
    *("Ada", "Bruno", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jolanda", "Kofi", "Lena", "Milan", "Nadia"),
    *("Otto", "Priya", "Quentin", "Rosa", "Sven", "Tara", "Ulla", "Viktor", "Wanda", "Ximena", "Yara", "Zeno"),
    *("Zoë", "Łucja", "Søren", "Þóra", "François", "Ngọc", "Αθηνά", "花子"),
)
SURNAME_HEADS = (
    "Bram",
    "Cal",
    "Dorn",
    "Fenn",
    "Gral",
    "Hol",
    "Kest",
    "Lorn",
    "Mar",
    "Nor",
    "Pell",
    "Quill",
    "Rav",
    "Stol",
    "Tarn",
    "Vel",
)
SURNAME_TAILS = ("wick", "stead", "ović", "mann", "sson", "eira", "bury", "escu", "ström", "ley", "owski", "field", "ardt", "ino")
COMPANY_HEADS = (
    "Alder",
    "Brum",
    "Cobalt",
    "Drift",
    "Ember",
    "Fjord",
    "Gantry",
    "Hollow",
    "Iron",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Mosaic",
)
COMPANY_TAILS = ("vale", "wick", "forge", "mere", "port", "stone", "works", "field", "haven", "crest", "gate", "loom")
COMPANY_FORMS = (
    "",
    " GmbH",
    " Ltd",
    " AG",
    " & Sons",
    " Group",
    " S.p.A.",
    ", Inc.",
    ' "The Original"',
    " Größe KG",
    " – Östersund AB",
)
INDUSTRIES = ("retail", "logistics", "healthcare", "education", "manufacturing", "energy", "insurance", "public sector")
TITLES = ("CEO", "CFO", "Head of Operations", "IT Director", "Plant Manager", "Buyer", "Analyst", "Project Lead, Rollout")
SUBJECTS = (
    *(
        "Quarterly review",
        "Question about the invoice",
        "Roll-out plan",
        "Short catch-up",
        "Training for new colleagues",
        "Renewal",
    ),
    *(
        'Re: "urgent": delivery, again',
        "Feedback, ideas; next steps",
        "Notes:\nfirst line\nsecond line",
        "=SUM of open points",
        "Grüße 🎉",
    ),
)


def person(rng: Random) -> str:
    """Return a full name; a few people have one word only, or three."""
    surname = rng.choice(SURNAME_HEADS) + rng.choice(SURNAME_TAILS)
    chance = rng.random()
    if chance < 0.01:
        return surname
    if chance < 0.04:
        return f"{rng.choice(FIRST)} de {surname}"
    if chance < 0.06:
        return f"{rng.choice(FIRST)} O'{surname}-{rng.choice(SURNAME_HEADS)}"
    return f"{rng.choice(FIRST)} {surname}"


def company(rng: Random, index: int) -> str:
    """Return the name of a company; the number tells those apart that chance gave one name."""
    return f"{rng.choice(COMPANY_HEADS)}{rng.choice(COMPANY_TAILS)} {index}{rng.choice(COMPANY_FORMS)}"
