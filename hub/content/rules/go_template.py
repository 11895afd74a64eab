"""Check the syntax of Go templates, as Go's `text/template/parse` package does.

Prometheus parses the labels and annotations of alerts as templates, and Helm the files of a chart.
Both reject the whole file, or the whole chart, because of one syntax error.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

_BUILTINS = """
    and call eq ge gt html index js le len lt ne not or print printf println slice urlquery
"""
_PROMETHEUS = """
    args externalURL first graphLink humanize humanize1024 humanizeDuration humanizePercentage
    humanizeTimestamp label match now parseDuration pathPrefix query reReplaceAll safeHtml
    sortByLabel stripDomain stripPort strvalue tableLink title toDuration toLower toTime
    toUpper urlQueryEscape value
"""
# Helm's own functions, and those of the library Sprig.
_HELM = """
    fromJson fromJsonArray fromToml fromYaml fromYamlArray include lookup mustToJson mustToYaml
    required toJson toToml toYaml toYamlPretty tpl

    abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec
    b64enc base bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce compact
    concat contains date dateInZone dateModify date_in_zone date_modify decryptAES deepCopy
    deepEqual default derivePassword dict dig dir div divf duration durationRound empty encryptAES
    ext fail first float64 floor genCA genCAWithKey genPrivateKey genSelfSignedCert
    genSelfSignedCertWithKey genSignedCert genSignedCertWithKey get getHostByName has hasKey
    hasPrefix hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial initials int int64
    isAbs join kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf
    mod mul mulf mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson
    mustHas mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind
    mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit
    mustRest mustReverse mustSlice mustToDate mustToPrettyJson mustToRawJson mustUniq mustWithout
    must_date_modify nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck plural
    prepend push quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind
    regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat
    replace rest reverse round semver semverCompare seq set sha1sum sha256sum sha512sum shuffle
    snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary title
    toDate toDecimal toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix
    trimall trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper
    urlJoin urlParse uuidv4 values without wrap wrapWith
"""
PROMETHEUS_FUNCTIONS = frozenset((_BUILTINS + _PROMETHEUS).split())
HELM_FUNCTIONS = frozenset((_BUILTINS + _HELM).split())
# Prometheus defines these before each label and annotation.
PROMETHEUS_VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")

# A file with more actions is not checked: 10,000 take 0.3 s, and real charts have a few hundred.
_MAX_ACTIONS = 10_000
_MAX_DEPTH = 100  # nested blocks and parentheses; the parser recurses
_CONTROLS = {"if", "range", "with"}
_KEYWORDS = {"block", "break", "continue", "define", "else", "end", "template", *_CONTROLS}
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n]+)?/\*")
_COMMENT_END = re.compile(r"(?:[ \t\r\n]+-)?\}\}")
_OPEN = re.compile(r"\{\{(?:-(?=[ \t\r\n]))?")
# A name ends where one of these characters or the closing braces follow.
_END = r"(?=[ \t\r\n.,|:()]|\}\}|\Z)"
_TOKEN = re.compile(
    rf"""
      (?P<close>(?:[ \t\r\n]+-)?\}}\}})
    | (?P<space>[ \t\r\n]+)
    | (?P<declare>:=)
    | (?P<number>[-+]?\.?[0-9](?:[eEpP][-+]|[\w.])*(?:[-+][0-9.]+i)?)
    | (?P<variable>\$\w*){_END}
    | (?P<field>\.\w+){_END}
    | (?P<dot>\.){_END}
    | (?P<word>[^\W\d]\w*){_END}
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\[^\n])+')
    | (?P<symbol>[=|(),])
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|"
    r"(?:0|[1-9][0-9_]*|[0-9_]*\.[0-9_]*|[0-9]+(?=[eEi]))(?:[eE][-+]?[0-9]+)?i?)"
)
_CHARACTER = re.compile(r"'(?:[^\\]|\\(?:[abfnrtv\\']|[0-7]{3}|x\w{2}|u\w{4}|U\w{8}))'")
_ESCAPE = re.compile(
    r"""\\(?:[abfnrtv\\"]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"""
)
_OPERANDS = {"number", "variable", "field", "dot", "word", "string", "char", "("}
# Values that cannot receive the result of the command before them.
_NOT_EXECUTABLE = {"number", "string", "char", "dot", "true", "false", "nil"}


class TemplateError(Exception):
    """A syntax error, with the position of the action in the text."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(frozen=True)
class _Token:
    kind: str  # a group of _TOKEN; the character itself for symbols
    text: str
    position: int


def check_template(
    text: str, functions: Collection[str], variables: Collection[str] = ()
) -> TemplateError | None:
    """Return the first syntax error; None if there is none, or too many actions to check.

    `functions` and `variables` are those that the program defines before it parses the template.
    """
    if text.count("{{") > _MAX_ACTIONS:
        return None
    try:
        _Parser(iter(_tokens(text)), functions, ["$", *variables]).parse()
    except TemplateError as error:
        return error
    return None


def actions(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, first word) of each action, up to the first that is not closed.

    The word is "" for a comment. Only the first 10,000 actions are yielded.
    """
    position = 0
    for _ in range(_MAX_ACTIONS):
        opening = _OPEN.search(text, position)
        if opening is None:
            return
        try:
            position, tokens = _action_at(text, opening)
        except TemplateError:
            return
        words = (token.text for token in tokens if token.kind != "space")
        yield opening.start(), position, next(words, "")


def words_of(text: str) -> set[str]:
    """Return the names of functions, and the keywords, in a template without syntax errors."""
    if text.count("{{") > _MAX_ACTIONS:
        return set()
    return {token.text for token in _tokens(text) if token.kind == "word"}


def _tokens(text: str) -> Iterator[_Token]:
    """Yield the tokens of all actions. Text outside of actions yields nothing."""
    position = 0
    while opening := _OPEN.search(text, position):
        position, tokens = _action_at(text, opening)
        yield from tokens


def _action_at(text: str, opening: re.Match[str]) -> tuple[int, list[_Token]]:
    """Return the end of an action and its tokens (none for a comment)."""
    start = opening.start()
    if comment := _COMMENT.match(text, start):
        end = text.find("*/", comment.end())
        closing = _COMMENT_END.match(text, end + 2) if end >= 0 else None
        if closing is None:
            raise TemplateError(start, "a comment is not closed by `*/}}`")
        return closing.end(), []
    position, tokens, kind = opening.end(), list[_Token](), ""
    while kind != "close":
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position : position + 1]
            reason = f"unexpected character {rest!r}" if rest else "an action is not closed"
            raise TemplateError(start, f"{reason} in `{{{{`")
        kind, position = str(match.lastgroup), match.end()
        tokens.append(_Token(match[0] if kind == "symbol" else kind, match[0], start))
    return position, tokens


@dataclass
class _Parser:
    tokens: Iterator[_Token]
    functions: Collection[str]
    variables: list[str]
    depth: int = 0
    loops: int = 0
    last: _Token = field(default_factory=lambda: _Token("close", "", 0))
    pending: list[_Token] = field(default_factory=list)

    def parse(self) -> None:
        """Parse the whole text. Raises `TemplateError`."""
        while token := self._next_action():
            if token.text == "define":
                self._name("define")
                self._expect_close("define")
                self._separate_template()
            else:
                self._action(token)

    def _next(self, *, skip_space: bool = False) -> _Token:
        token = self.pending.pop() if self.pending else next(self.tokens, None)
        if token is None:
            self._fail("an action is not closed")
        self.last = token
        if skip_space and token.kind == "space":
            return self._next()
        return token

    def _peek(self, *, skip_space: bool = True) -> _Token:
        token = self._next(skip_space=skip_space)
        self.pending.append(token)
        return token

    def _fail(self, reason: str) -> NoReturn:
        raise TemplateError(self.last.position, reason)

    def _next_action(self) -> _Token | None:
        """Return the first token of the next action, or None at the end of the text."""
        token = next(self.tokens, None)
        if token is not None and token.kind == "space":
            token = next(self.tokens, None)
        self.last = token or self.last
        return token

    def _body(self, opened_by: str) -> str:
        """Parse the actions up to `end` or `else`, and return which of the two it is."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail("nested too deeply")
        opening = self.last
        while token := self._next_action():
            if token.kind == "word" and token.text in ("end", "else"):
                self.depth -= 1
                return token.text
            self._action(token)
        raise TemplateError(opening.position, f"`{opened_by}` has no `end`")

    def _action(self, token: _Token) -> None:
        keyword = token.text if token.kind == "word" and token.text in _KEYWORDS else ""
        if keyword in _CONTROLS:
            self._control(keyword)
        elif keyword in ("break", "continue"):
            self._expect_close(keyword)
            if not self.loops:
                self._fail(f"`{keyword}` outside of `range`")
        elif keyword in ("template", "block"):
            self._name(keyword)
            if keyword == "block" or self._peek().kind != "close":
                self._pipeline(keyword)
            else:
                self._expect_close(keyword)
            if keyword == "block":
                self._separate_template()
        elif keyword:
            self._fail(f"unexpected `{keyword}`")
        else:
            self.pending.append(token)
            self._pipeline("action")

    def _control(self, keyword: str) -> None:
        known = len(self.variables)
        self._pipeline(keyword)
        self.loops += keyword == "range"
        ended_by = self._body(keyword)
        self.loops -= keyword == "range"
        if ended_by == "else":
            if keyword != "range" and self._peek().text == keyword:  # else if, else with
                self._next()
                self._control(keyword)
                del self.variables[known:]
                return
            self._expect_close("else")
            if self._body("else") != "end":
                self._fail("`else` after `else`")
        self._expect_close("end")
        del self.variables[known:]

    def _separate_template(self) -> None:
        """Parse the body of a named template, which has no access to the variables around it."""
        outside, self.variables = self.variables, ["$"]
        loops, self.loops = self.loops, 0
        if self._body("define") != "end":
            self._fail("unexpected `else`")
        self._expect_close("end")
        self.variables, self.loops = outside, loops

    def _name(self, keyword: str) -> None:
        token = self._next(skip_space=True)
        if token.kind != "string":
            self._fail(f"`{keyword}` needs a name in quotes")
        self._check_string(token)

    def _expect_close(self, keyword: str) -> None:
        token = self._next(skip_space=True)
        if token.kind != "close":
            self._fail(f"unexpected `{token.text}` after `{keyword}`")

    def _pipeline(self, context: str, end: str = "close") -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail("nested too deeply")
        self._declarations(context)
        stage = 0
        while (token := self._next(skip_space=True)).kind != end:
            if token.kind not in _OPERANDS:
                self._fail(f"unexpected `{token.text}`")
            stage += 1
            if stage > 1 and (token.kind in _NOT_EXECUTABLE or token.text in _NOT_EXECUTABLE):
                self._fail(f"`{token.text}` is no function: nothing can be piped into it")
            self.pending.append(token)
            self._command()
        if not stage:
            self._fail("an action is empty")
        self.depth -= 1

    def _declarations(self, context: str) -> None:
        """Read `$x :=`, `$x =` and, in `range`, `$i, $x :=`."""
        count = 0
        while self._peek().kind == "variable":
            variable = self._next()
            after = self._next()
            token = self._peek() if after.kind == "space" else after
            if token.kind == ",":
                if after.kind == "space":
                    self._next()
                self.variables.append(variable.text)
                count += 1
                if context != "range" or count > 1:
                    self._fail("too many variables before `:=`")
                if self._peek().kind not in ("variable", "close", ")"):
                    self._fail("`range` declares only variables")
            elif token.kind in ("declare", "="):
                if after.kind == "space":
                    self._next()
                self.variables.append(variable.text)
                return
            else:
                self.pending += [after, variable]
                return

    def _command(self) -> None:
        """Read a function or value with its arguments, up to `|` or the end of the pipeline."""
        while True:
            self._operand()
            token = self._next()
            if token.kind == "|":
                return
            if token.kind in ("close", ")"):
                self.pending.append(token)
                return
            if token.kind != "space":
                self._fail(f"unexpected `{token.text}`")
            if self._peek().kind not in _OPERANDS:
                token = self._next()
                if token.kind != "|":
                    self.pending.append(token)
                    if token.kind not in ("close", ")"):
                        self._fail(f"unexpected `{token.text}`")
                return

    def _operand(self) -> None:
        token = self._next(skip_space=True)
        if token.kind == "(":
            self._pipeline("parentheses", ")")
        elif token.kind not in _OPERANDS:
            self._fail(f"unexpected `{token.text}`")
        elif token.kind == "word" and token.text not in ("true", "false", "nil"):
            if token.text in _KEYWORDS:
                self._fail(f"unexpected `{token.text}`")
            if token.text not in self.functions:
                self._fail(f"function `{token.text}` is not defined")
        elif token.kind == "variable" and token.text not in self.variables:
            self._fail(f"variable `{token.text}` is not defined")
        elif token.kind == "number" and not _NUMBER.fullmatch(token.text):
            self._fail(f"`{token.text}` is not a number")
        elif token.kind == "char" and not _CHARACTER.fullmatch(token.text):
            self._fail(f"{token.text} is not one character: use double quotes for text")
        elif token.kind == "string":
            self._check_string(token)
        constant = token.kind in _NOT_EXECUTABLE or token.text in _NOT_EXECUTABLE
        while self._peek(skip_space=False).kind == "field":
            if constant:
                self._fail(f"unexpected `.` after `{token.text}`")
            self._next()

    def _check_string(self, token: _Token) -> None:
        if token.text.startswith('"') and "\\" in _ESCAPE.sub("", token.text):
            self._fail(f"invalid escape in {token.text}")
