"""English-looking texts from a seed: for golden samples and for load. The same seed gives the same texts on every machine."""

import random

_LINES = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were "
    "all her she there would their we him been has when who will no more if out so up said what its about than into them can only "
    "other time new some could these two may first then do any like my now over such our man me even most made after also well did "
    "many before must years back see through way where get much go good long little very still world own here work life under last "
    "know right thing does another same around small found off great old year city public hand part house point water general state "
    "place number system during school while high fact every fire second both against night company order light course without money "
    "story body face group side business early need letter reason market church open field river result history doctor court century "
    "process country problem effect service office power music table garden window picture machine engine energy copper silver "
    "harbour forest mountain island winter summer morning evening teacher student village station railway bridge library kitchen "
    "blanket candle feather thunder lantern ocean planet gravity magnet crystal weather balance measure weight scale price promise "
    "evidence answer question "
)
WORDS = tuple(_LINES.split())


def text_of(words: int, chance: random.Random) -> str:
    """Return a sentence of that many words."""
    return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."


def golden_texts(count: int, seed: int, longest: int) -> tuple[str, ...]:
    """Return `count` texts of about 3 to `longest` tokens, evenly spread, so that every bucket is met."""
    chance = random.Random(seed)
    span = max(1, count - 1)
    return tuple(text_of(3 + (max(longest, 8) - 6) * index // span, chance) for index in range(count))


def golden_pairs(count: int, seed: int, longest: int) -> tuple[tuple[str, str], ...]:
    """Return `count` pairs of a query and a document, of about 8 to `longest` tokens together. From pair to pair the document has more of the
    query's words, from none to all of them: a model that has learnt to rank scores them from low to high, whatever their lengths."""
    chance = random.Random(seed)
    span = max(1, count - 1)
    shares = [index / span for index in range(count)]
    chance.shuffle(shares)
    made = []
    for index, share in enumerate(shares):
        query = chance.choices(WORDS, k=max(1, min(6, longest // 4)))
        shared = query[: round(share * len(query))]
        more = max(0, longest - 2 * len(query) - 6) * index // span
        document = [*shared, *chance.choices(WORDS, k=len(query) - len(shared) + more)]
        chance.shuffle(document)
        made.append((" ".join(query) + "?", " ".join(document).capitalize() + "."))
    return tuple(made)
