"""Split text into search terms: words, and trigrams that tolerate misspelling. No I/O."""

import re
import unicodedata

# Words in nearly every exporter's name. They are ignored if the query has other words.
_FILLERS = {"exporter", "exporters", "prometheus", "metrics", "server", "plugin"}

# Abbreviation → what the catalogue calls it. Words that begin like the name need no entry: a search
# for "postgres" finds "postgresql".
_SYNONYMS = {
    "es": "elasticsearch",
    "k8s": "kubernetes",
    "kube": "kubernetes",
    "pg": "postgresql",
    "psql": "postgresql",
    "rmq": "rabbitmq",
}

MAX_QUERY_LENGTH = 200  # characters; longer than anything that people type
_MAX_WORDS = 8
_MIN_FUZZY_LENGTH = 4  # letters; shorter words are similar to too many others


def clean(text: str) -> str:
    """Remove control characters (Postgres rejects NUL), collapse whitespace and truncate."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_QUERY_LENGTH])
    return " ".join(printable.split())[:MAX_QUERY_LENGTH].rstrip()


def words(text: str) -> list[str]:
    """Return the unique words of `text` without case, accents and punctuation.

    >>> words("kube-state-metrics, SNMP_Exporter")
    ['kube', 'state', 'metrics', 'snmp', 'exporter']
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in plain if not unicodedata.combining(char)).casefold()
    return list(dict.fromkeys(re.findall(r"[^\W_]+", plain)))


def significant_words(text: str) -> list[str]:
    """Return the words of `text` without filler words; all of them if there are no others."""
    found = words(text)
    return [word for word in found if word not in _FILLERS] or found


def tsquery(text: str) -> str:
    """Return `text` as a Postgres tsquery of word prefixes and synonyms; "" if it has no words.

    The words contain only letters and digits, so `text` cannot inject operators.

    >>> tsquery("redis & 'clus")
    "'redis':* & 'clus':*"
    >>> tsquery("pg exporter")
    "('pg':* | 'postgresql':*)"
    """
    return " & ".join(map(_term, significant_words(text)[:_MAX_WORDS]))


def _term(word: str) -> str:
    synonym = _SYNONYMS.get(word)
    return f"('{word}':* | '{synonym}':*)" if synonym else f"'{word}':*"


def trigrams(text: str) -> list[str]:
    """Return the trigrams of the significant words of `text`, each with its letters sorted.

    As in Postgres' pg_trgm, a word is padded with two spaces before and one after it. Sorting makes
    a trigram independent of two swapped letters, the most common typing error: `redsi` shares five
    of its six trigrams with `redis`, and would share only three unsorted ones.
    """
    found = set()
    for word in significant_words(text):
        padded = f"  {word} "
        found |= {"".join(sorted(padded[at : at + 3])) for at in range(len(padded) - 2)}
    return sorted(found)


def fuzzy_terms(text: str) -> list[list[str]]:
    """Return the trigrams of each word of `text` that is long enough for fuzzy matching."""
    typed = significant_words(text)[:_MAX_WORDS]
    return [trigrams(word) for word in typed if len(word) >= _MIN_FUZZY_LENGTH]
