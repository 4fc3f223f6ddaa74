"""What the client can do, asked in one place. Everything works without all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsprotocol import types as lsp


@dataclass(frozen=True)
class Client:
    """Abilities beyond the protocol's basics, none by default."""

    pulls: bool = False  # diagnostics, and can be told to do so again
    refreshes_lenses: bool = False
    refreshes_hints: bool = False
    versions: bool = False  # of published diagnostics
    related: bool = False
    code_descriptions: bool = False
    diagnostic_data: bool = False
    code_actions: bool = False  # as objects, not commands
    resolves_edits: bool = False
    disabled_actions: bool = False
    preferred_actions: bool = False
    document_changes: bool = False
    annotations: bool = False
    progress: bool = False
    configuration: bool = False
    watches: bool = False
    hears_configuration: bool = False
    shows_documents: bool = False
    markdown: bool = False

    @classmethod
    def of(cls, capabilities: lsp.ClientCapabilities) -> Client:
        def has(path: str) -> Any:
            found: Any = capabilities
            for name in path.split("."):
                found = getattr(found, name, None)
            return found

        actions = "text_document.code_action"
        resolvable = has(f"{actions}.resolve_support.properties") or ()
        published = "text_document.publish_diagnostics"
        formats = has("text_document.hover.content_format") or ()
        return cls(
            # a client that cannot be told to pull again would never see a measurement
            pulls=bool(has("text_document.diagnostic"))
            and bool(has("workspace.diagnostics.refresh_support")),
            refreshes_lenses=bool(has("workspace.code_lens.refresh_support")),
            refreshes_hints=bool(has("workspace.inlay_hint.refresh_support")),
            versions=bool(has(f"{published}.version_support")),
            related=bool(has(f"{published}.related_information")),
            code_descriptions=bool(has(f"{published}.code_description_support")),
            diagnostic_data=bool(has(f"{published}.data_support")),
            code_actions=bool(has(f"{actions}.code_action_literal_support")),
            resolves_edits=bool(has(f"{actions}.data_support")) and "edit" in resolvable,
            disabled_actions=bool(has(f"{actions}.disabled_support")),
            preferred_actions=bool(has(f"{actions}.is_preferred_support")),
            document_changes=bool(has("workspace.workspace_edit.document_changes")),
            annotations=bool(has("workspace.workspace_edit.change_annotation_support")),
            progress=bool(has("window.work_done_progress")),
            configuration=bool(has("workspace.configuration")),
            watches=bool(has("workspace.did_change_watched_files.dynamic_registration")),
            hears_configuration=bool(
                has("workspace.did_change_configuration.dynamic_registration")
            ),
            shows_documents=bool(has("window.show_document.support")),
            markdown=lsp.MarkupKind.Markdown in formats,
        )
