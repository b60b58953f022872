"""The public names, as ``import discobase`` offers them."""

from discobase import errors
from discobase._version import __version__
from discobase.batches import ChangeReport
from discobase.bulk import SaveReport
from discobase.commands import Commands
from discobase.computed import WithPk, WithVersion
from discobase.database import Database
from discobase.engine.checkpoints.growth import Growth
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.interface import Move, Vacuum
from discobase.engine.lost import LostCommit
from discobase.engine.repair.loss import Loss, Repair
from discobase.engine.trouble import Trouble
from discobase.engine.verification.report import Finding, Report
from discobase.errors import DiscobaseError
from discobase.feed import Feed
from discobase.history import LoggedChange, LoggedCommit
from discobase.ipython_extension import load_ipython_extension, unload_ipython_extension
from discobase.opened import StoredTable
from discobase.progress import Progress
from discobase.queries.explanation import Explanation
from discobase.queries.groups import Groups
from discobase.queries.hits import Hit
from discobase.queries.sql_rows import SqlRow, SqlRows
from discobase.query import Query
from discobase.records.expressions.functions import (
    asc,
    between,
    col,
    contains,
    desc,
    endswith,
    icontains,
    iequals,
    in_,
    is_none,
    is_not_none,
    matches,
    not_,
    not_in,
    startswith,
)
from discobase.records.expressions.nodes import Expression
from discobase.records.fields import Index, Searchable, Unique
from discobase.records.outdated import OutdatedRecord
from discobase.records.together import UniqueTogether
from discobase.session import LoginTask
from discobase.status import Status
from discobase.table import Table
from discobase.transfer.exporting import ExportReport
from discobase.transfer.importing import ImportReport
from discobase.transfer.original_report import NotTaken, OriginalReport, OriginalTable

__all__ = [
    "ChangeReport",
    "Checkpoint",
    "Commands",
    "Database",
    "DiscobaseError",
    "Explanation",
    "ExportReport",
    "Expression",
    "Feed",
    "Finding",
    "Groups",
    "Growth",
    "Hit",
    "ImportReport",
    "Index",
    "LoggedChange",
    "LoggedCommit",
    "LoginTask",
    "Loss",
    "LostCommit",
    "Move",
    "NotTaken",
    "OriginalReport",
    "OriginalTable",
    "OutdatedRecord",
    "Progress",
    "Query",
    "Repair",
    "Report",
    "SaveReport",
    "Searchable",
    "SqlRow",
    "SqlRows",
    "Status",
    "StoredTable",
    "Table",
    "Trouble",
    "Unique",
    "UniqueTogether",
    "Vacuum",
    "WithPk",
    "WithVersion",
    "__version__",
    "asc",
    "between",
    "col",
    "contains",
    "desc",
    "endswith",
    "errors",
    "icontains",
    "iequals",
    "in_",
    "is_none",
    "is_not_none",
    "load_ipython_extension",
    "matches",
    "not_",
    "not_in",
    "startswith",
    "unload_ipython_extension",
]
