"""Which folders of a directory are Helm charts, and whether Helm would install them. Pure."""

from collections.abc import Collection, Iterator

from hub.content.rules.files import YAML, File, is_templates
from hub.content.rules.report import About, FileFinding, Level


class ChartFolder:
    """A folder that is, or was meant to be, a Helm chart.

    `head` is the file that speaks for it. `heads` are the heads of this chart and of those that lie
    in it: path → chart.
    """

    def __init__(self, folder: tuple[str, ...], inside: list[File]) -> None:
        own = [file for file in inside if file.folders == folder]
        self.folder = folder
        self.findings: list[FileFinding] = []
        metadata = next((file for file in own if _is_chart_file(file)), None)
        values = next((file for file in own if file.name == "values.yaml"), None)
        self.head = metadata or values or inside[0]
        self.heads: dict[str, ChartFolder] = {}
        self._unread = metadata is not None and metadata.report is None
        place = "/".join(folder) or "."
        if metadata is None:
            self._refuse(place, "a chart without a Chart.yaml, which Helm requires")
        else:
            self._check_metadata(metadata)
        if values and values.report and values.report.has_errors(About.FILE):
            self._refuse(values.path, "the chart's values cannot be read")
        self._check_templates(place, inside, metadata)

    @property
    def usable(self) -> bool | None:
        """Whether Helm would install it; None when its Chart.yaml was not read."""
        if any(finding.level == Level.ERROR for finding in self.findings):
            return False
        return None if self._unread else True

    def _refuse(self, path: str, reason: str) -> None:
        self.findings.append(FileFinding(Level.ERROR, About.CHART, 1, reason, path))

    def _check_metadata(self, metadata: File) -> None:
        path, report = metadata.path, metadata.report
        if not path.endswith("Chart.yaml"):
            self._refuse(path, "Helm reads only a file named Chart.yaml: rename this one")
        if report is None:
            return
        if report.has_errors(About.FILE):
            self._refuse(path, "the Chart.yaml cannot be read")
        elif report.chart is None:
            self._refuse(path, "the Chart.yaml holds no chart: `name` and `version` are missing")
        else:
            self.findings += [finding.at(path) for finding in report.chart.findings]

    def _check_templates(self, place: str, inside: list[File], metadata: File | None) -> None:
        depth = len(self.folder)
        below = {file.folders[depth] for file in inside if len(file.folders) > depth}
        if below & {"templates", "crds"}:
            return
        chart = metadata.report.chart if metadata and metadata.report else None
        misnamed = sorted(name for name in below if is_templates(name))
        if misnamed:
            path = "/".join((*self.folder, misnamed[0]))
            self._refuse(path, "Helm renders only a folder named `templates`: rename this one")
        elif not (chart and (chart.type == "library" or chart.dependencies)) and not (
            "charts" in below or any(file.name == "requirements.yaml" for file in inside)
        ):
            self._refuse(place, "a chart without `templates`: Helm would install nothing")


class ChartFolders:
    """The charts of a directory."""

    def __init__(self, files: list[File]) -> None:
        folders = {file.folders for file in files if _is_chart_file(file)}
        folders |= {
            file.folders[:depth]
            for file in files
            for depth, folder in enumerate(file.folders)
            if is_templates(folder) and _may_be_template(file)
        }
        # A chart's dependencies lie in its `charts` folder: other people's, and no content here.
        inside: dict[tuple[str, ...], list[File]] = {
            folder: []
            for folder in sorted(folders)
            if not _is_dependency(folder, folders) and not any(map(is_templates, folder))
        }
        for file in files:
            for folder in _above(file.folders):
                if folder in inside:
                    inside[folder].append(file)
        self.all = [ChartFolder(folder, each) for folder, each in inside.items()]
        self._by_folder = {chart.folder: chart for chart in self.all}
        for chart in self.all:
            for folder in _above(chart.folder):
                if folder in self._by_folder:
                    self._by_folder[folder].heads[chart.head.path] = chart

    def of(self, file: File) -> ChartFolder | None:
        """The chart that the file lies in; of several, the topmost."""
        return next(
            (c for c in map(self._by_folder.get, _above(file.folders)) if c is not None), None
        )

    def is_dependency(self, file: File) -> bool:
        """Whether it belongs to a chart that one of these charts depends on."""
        return _is_dependency(file.folders, self._by_folder)


def _above(folders: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The folder and those that it lies in, the topmost first."""
    return (folders[:depth] for depth in range(len(folders) + 1))


def _is_dependency(folders: tuple[str, ...], charts: Collection[tuple[str, ...]]) -> bool:
    return any(part == "charts" and folders[:depth] in charts for depth, part in enumerate(folders))


def _is_chart_file(file: File) -> bool:
    return file.name in ("chart.yaml", "chart.yml", "charts.yaml") and not file.in_templates


def _may_be_template(file: File) -> bool:
    """Whether a file in a `templates` folder speaks for a chart; rules that stand there do not."""
    report = file.report
    return file.suffix in YAML and (
        report is None or not file.parsed or bool(report.manifests) or report.helm_actions
    )
