"""What a search takes a text for: its words, and the trigrams that forgive misspelling. Pure."""

import re
import unicodedata

# Words that nearly every exporter bears. They count only where nothing else was asked for.
_FILLERS = {"exporter", "exporters", "prometheus", "metrics", "server", "plugin"}

LONGEST_QUERY = 200  # characters; what is beyond was not typed by a person
_MOST_WORDS = 8
_SHORTEST_GUESS = 4  # letters; a shorter word resembles too much to be guessed at


def clean(text: str) -> str:
    """The text without control characters (Postgres refuses NUL) and superfluous space, cut off."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_QUERY])
    return " ".join(printable.split())[:LONGEST_QUERY].rstrip()


def words(text: str) -> list[str]:
    """The words of `text`, each once: without case, accents and punctuation.

    >>> words("kube-state-metrics, SNMP_Exporter")
    ['kube', 'state', 'metrics', 'snmp', 'exporter']
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in plain if not unicodedata.combining(char)).casefold()
    return list(dict.fromkeys(re.findall(r"[^\W_]+", plain)))


def significant_words(text: str) -> list[str]:
    """The words of `text` that tell exporters apart; all of them when none does."""
    every = words(text)
    return [word for word in every if word not in _FILLERS] or every


def tsquery(text: str) -> str:
    """`text` as a query in Postgres' own syntax, "" without a word: each word, or what begins so.

    Only letters and digits are left of `text`, so nothing in it can be an operator.

    >>> tsquery("redis & 'clus")
    "'redis':* & 'clus':*"
    """
    return " & ".join(f"'{word}':*" for word in significant_words(text)[:_MOST_WORDS])


def trigrams(text: str) -> list[str]:
    """The trigrams of the significant words of `text`, the letters of each in alphabetical order.

    As in Postgres' pg_trgm a word has two blanks before it and one after it. In order, the letters
    of a trigram are the same when two neighbours change places, the commonest slip of all: `redsi`
    shares five of its six trigrams with `redis`, and would share three.
    """
    found = set()
    for word in significant_words(text):
        padded = f"  {word} "
        found |= {"".join(sorted(padded[at : at + 3])) for at in range(len(padded) - 2)}
    return sorted(found)


def guessable(text: str) -> list[list[str]]:
    """The trigrams of each word of `text` that is long enough to be guessed at."""
    typed = significant_words(text)[:_MOST_WORDS]
    return [trigrams(word) for word in typed if len(word) >= _SHORTEST_GUESS]
