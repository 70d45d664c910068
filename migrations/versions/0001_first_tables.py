"""First tables

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("parent_checkpoint_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id", name=op.f("pk_checkpoint")),
    )
    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_checkpoint_run_id"), ["run_id"], unique=False)

    op.create_table(
        "checkpoint_blob",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "channel", "version", name=op.f("pk_checkpoint_blob")),
    )
    op.create_table(
        "checkpoint_write",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("idx", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task_path", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", name=op.f("pk_checkpoint_write")
        ),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("name", name=op.f("uq_user_account_name")),
    )
    op.create_table(
        "catalogue",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_catalogue_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_catalogue_user_id_name")),
    )
    op.create_table(
        "payload",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_payload_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "sha256", name=op.f("pk_payload")),
    )
    op.create_table(
        "thread",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_thread_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
    )
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_thread_user_id"), ["user_id"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("thread_id", sa.String(length=200), nullable=False),
        sa.Column("graph", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("preview", sa.String(length=200), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("resume", sa.Text(), nullable=True),
        sa.Column("interrupts", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("degraded", sa.Text(), nullable=True),
        sa.Column("writer_provider", sa.String(length=100), nullable=True),
        sa.Column("writer_model", sa.String(length=200), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("body_digest", sa.String(length=64), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'interrupted', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_run_status_known"),
        ),
        sa.CheckConstraint("fence >= 0 AND last_seq >= 0", name=op.f("ck_run_counts_not_negative")),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["thread.id"], name=op.f("fk_run_thread_id_thread"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_run_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("user_id", "idempotency_key", name=op.f("uq_run_user_id_idempotency_key")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_lease_owner"), ["lease_owner"], unique=False)
        batch_op.create_index("ix_run_status_created_at", ["status", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_run_thread_id"), ["thread_id"], unique=False)
        batch_op.create_index("ix_run_user_id_id", ["user_id", "id"], unique=False)
        batch_op.create_index(
            "uq_run_thread_id_running",
            ["thread_id"],
            unique=True,
            sqlite_where=sa.text("status = 'running'"),
            postgresql_where=sa.text("status = 'running'"),
        )

    op.create_table(
        "track",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("catalogue_id", sa.String(length=36), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("artist", sa.String(length=500), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("genre", sa.String(length=100), nullable=False),
        sa.Column("valence", sa.Float(), nullable=False),
        sa.Column("energy", sa.Float(), nullable=False),
        sa.Column("tempo_bpm", sa.Float(), nullable=True),
        sa.Column("key", sa.Integer(), nullable=True),
        sa.Column("mode", sa.Integer(), nullable=True),
        sa.Column("instrumental", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.CheckConstraint(
            "valence >= 0 AND valence <= 1 AND energy >= 0 AND energy <= 1",
            name=op.f("ck_track_mood_in_range"),
        ),
        sa.ForeignKeyConstraint(
            ["catalogue_id"],
            ["catalogue.id"],
            name=op.f("fk_track_catalogue_id_catalogue"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track")),
        sa.UniqueConstraint("catalogue_id", "external_id", name=op.f("uq_track_catalogue_id_external_id")),
    )
    op.create_table(
        "agent_log",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=100), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=60), nullable=False),
        sa.Column("node", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=True),
        sa.Column("checkpoint_id", sa.String(length=100), nullable=True),
        sa.Column("provider", sa.String(length=100), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("prompt", sa.String(length=100), nullable=True),
        sa.Column("prompt_digest", sa.String(length=64), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("duration_ms", sa.Float(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("error_type", sa.String(length=100), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("preview", sa.String(length=200), nullable=True),
        sa.Column("input_sha256", sa.String(length=64), nullable=True),
        sa.Column("output_sha256", sa.String(length=64), nullable=True),
        sa.Column("calls_sha256", sa.String(length=64), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'succeeded', 'failed', 'interrupted', 'cancelled', 'lost')",
            name=op.f("ck_agent_log_status_known"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_agent_log_attempt_from_one")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_agent_log_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_log")),
        sa.UniqueConstraint(
            "run_id", "task_id", "fence", "attempt", name=op.f("uq_agent_log_run_id_task_id_fence_attempt")
        ),
    )
    with op.batch_alter_table("agent_log", schema=None) as batch_op:
        batch_op.create_index("ix_agent_log_agent_id", ["agent", "id"], unique=False)
        batch_op.create_index("ix_agent_log_run_id_id", ["run_id", "id"], unique=False)
        batch_op.create_index("ix_agent_log_started_at_id", ["started_at", "id"], unique=False)

    op.create_table(
        "lyrics",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("genre", sa.String(length=100), nullable=True),
        sa.Column("brief", sa.Text(), nullable=True),
        sa.Column("mood", sa.Text(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("scores", sa.Text(), nullable=True),
        sa.Column("writer_provider", sa.String(length=100), nullable=False),
        sa.Column("writer_model", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'published')", name=op.f("ck_lyrics_status_known")),
        sa.CheckConstraint("length(trim(title)) > 0", name=op.f("ck_lyrics_title_not_blank")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_lyrics_version_from_one")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_lyrics_run_id_run"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_lyrics_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lyrics")),
    )
    with op.batch_alter_table("lyrics", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lyrics_run_id"), ["run_id"], unique=False)
        batch_op.create_index("ix_lyrics_user_id_id", ["user_id", "id"], unique=False)

    op.create_table(
        "mood_entry",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("feeling", sa.String(length=60), nullable=False),
        sa.Column("wish", sa.String(length=60), nullable=True),
        sa.Column("valence", sa.Float(), nullable=False),
        sa.Column("energy", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("mood", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "valence >= 0 AND valence <= 1 AND energy >= 0 AND energy <= 1",
            name=op.f("ck_mood_entry_mood_in_range"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_mood_entry_run_id_run"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_mood_entry_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mood_entry")),
    )
    with op.batch_alter_table("mood_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mood_entry_run_id"), ["run_id"], unique=False)
        batch_op.create_index("ix_mood_entry_user_id_id", ["user_id", "id"], unique=False)

    op.create_table(
        "playlist_recommendation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("arc", sa.String(length=20), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("mood", sa.Text(), nullable=False),
        sa.Column("relaxed", sa.Text(), nullable=True),
        sa.Column("context_effects", sa.Text(), nullable=True),
        sa.Column("writer_provider", sa.String(length=100), nullable=False),
        sa.Column("writer_model", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_playlist_recommendation_run_id_run"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_playlist_recommendation_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_recommendation")),
    )
    with op.batch_alter_table("playlist_recommendation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_playlist_recommendation_run_id"), ["run_id"], unique=False)
        batch_op.create_index("ix_playlist_recommendation_user_id_id", ["user_id", "id"], unique=False)

    op.create_table(
        "run_event",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_event_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_run_event")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("lyrics_id", sa.String(length=36), nullable=True),
        sa.Column("playlist_id", sa.String(length=36), nullable=True),
        sa.Column("track_id", sa.String(length=200), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("reaction", sa.String(length=20), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reaction IS NULL OR reaction IN ('like', 'dislike', 'skip')",
            name=op.f("ck_feedback_reaction_known"),
        ),
        sa.CheckConstraint("(lyrics_id IS NULL) <> (playlist_id IS NULL)", name=op.f("ck_feedback_one_subject")),
        sa.CheckConstraint(
            "rating IS NOT NULL OR reaction IS NOT NULL OR comment IS NOT NULL",
            name=op.f("ck_feedback_says_something"),
        ),
        sa.CheckConstraint(
            "rating IS NULL OR (rating >= 1 AND rating <= 5)", name=op.f("ck_feedback_rating_one_to_five")
        ),
        sa.ForeignKeyConstraint(
            ["lyrics_id"], ["lyrics.id"], name=op.f("fk_feedback_lyrics_id_lyrics"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["playlist_id"],
            ["playlist_recommendation.id"],
            name=op.f("fk_feedback_playlist_id_playlist_recommendation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_feedback_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_lyrics_id"), ["lyrics_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_playlist_id"), ["playlist_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_user_id"), ["user_id"], unique=False)

    op.create_table(
        "lyrics_version",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lyrics_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lyrics_id"], ["lyrics.id"], name=op.f("fk_lyrics_version_lyrics_id_lyrics"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lyrics_version")),
        sa.UniqueConstraint("lyrics_id", "number", name=op.f("uq_lyrics_version_lyrics_id_number")),
    )
    op.create_table(
        "playlist_track",
        sa.Column("playlist_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("catalogue", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("artist", sa.String(length=500), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("genre", sa.String(length=100), nullable=False),
        sa.Column("valence", sa.Float(), nullable=False),
        sa.Column("energy", sa.Float(), nullable=False),
        sa.Column("tempo_bpm", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=True),
        sa.CheckConstraint("position >= 0", name=op.f("ck_playlist_track_position_not_negative")),
        sa.ForeignKeyConstraint(
            ["playlist_id"],
            ["playlist_recommendation.id"],
            name=op.f("fk_playlist_track_playlist_id_playlist_recommendation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("playlist_id", "position", name=op.f("pk_playlist_track")),
    )
    with op.batch_alter_table("playlist_track", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_playlist_track_external_id"), ["external_id"], unique=False)

    op.create_table(
        "lyrics_section",
        sa.Column("version_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["lyrics_version.id"],
            name=op.f("fk_lyrics_section_version_id_lyrics_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_lyrics_section")),
    )


def downgrade() -> None:
    op.drop_table("lyrics_section")
    with op.batch_alter_table("playlist_track", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_playlist_track_external_id"))

    op.drop_table("playlist_track")
    op.drop_table("lyrics_version")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feedback_user_id"))
        batch_op.drop_index(batch_op.f("ix_feedback_playlist_id"))
        batch_op.drop_index(batch_op.f("ix_feedback_lyrics_id"))

    op.drop_table("feedback")
    op.drop_table("run_event")
    with op.batch_alter_table("playlist_recommendation", schema=None) as batch_op:
        batch_op.drop_index("ix_playlist_recommendation_user_id_id")
        batch_op.drop_index(batch_op.f("ix_playlist_recommendation_run_id"))

    op.drop_table("playlist_recommendation")
    with op.batch_alter_table("mood_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_mood_entry_user_id_id")
        batch_op.drop_index(batch_op.f("ix_mood_entry_run_id"))

    op.drop_table("mood_entry")
    with op.batch_alter_table("lyrics", schema=None) as batch_op:
        batch_op.drop_index("ix_lyrics_user_id_id")
        batch_op.drop_index(batch_op.f("ix_lyrics_run_id"))

    op.drop_table("lyrics")
    with op.batch_alter_table("agent_log", schema=None) as batch_op:
        batch_op.drop_index("ix_agent_log_started_at_id")
        batch_op.drop_index("ix_agent_log_run_id_id")
        batch_op.drop_index("ix_agent_log_agent_id")

    op.drop_table("agent_log")
    op.drop_table("track")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_run_thread_id_running",
            sqlite_where=sa.text("status = 'running'"),
            postgresql_where=sa.text("status = 'running'"),
        )
        batch_op.drop_index("ix_run_user_id_id")
        batch_op.drop_index(batch_op.f("ix_run_thread_id"))
        batch_op.drop_index("ix_run_status_created_at")
        batch_op.drop_index(batch_op.f("ix_run_lease_owner"))

    op.drop_table("run")
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_thread_user_id"))

    op.drop_table("thread")
    op.drop_table("payload")
    op.drop_table("catalogue")
    op.drop_table("user_account")
    op.drop_table("checkpoint_write")
    op.drop_table("checkpoint_blob")
    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_checkpoint_run_id"))

    op.drop_table("checkpoint")
