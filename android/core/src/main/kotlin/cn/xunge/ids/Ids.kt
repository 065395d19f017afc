/**
 * Ids, codes and moments as types of their own, so that none can be taken for another. The generated code makes them
 * (`bindings/uniffi.toml`) and knows each by the core's name, too: `EntryId` is an [EntryKey].
 */
package cn.xunge.ids

/** An item of the queue. */
@JvmInline
value class EntryKey(val text: String)

/** A record, whose versions are items. */
@JvmInline
value class RecordKey(val text: String)

/** A task (任务). */
@JvmInline
value class TaskKey(val text: String)

/** The stream of one enrolment; it has a signing key of its own. */
@JvmInline
value class StreamKey(val text: String)

/** SHA-256 of a photo, in hexadecimal. */
@JvmInline
value class PhotoHash(val text: String)

/** A cell of the grid (网格). */
@JvmInline
value class CellNumber(val text: String)

/** A community (社区). */
@JvmInline
value class CommunityNumber(val text: String)

/** A street (街道). */
@JvmInline
value class StreetNumber(val text: String)

/** A type of the catalogue (类别). */
@JvmInline
value class MatterNumber(val text: String)

/** A month, such as `2026-11`. */
@JvmInline
value class YearAndMonth(val text: String)

/** The name of a reference file: grid, catalogue. */
@JvmInline
value class ReferenceFile(val text: String)

/** A moment in milliseconds since 1970 in UTC. */
@JvmInline
value class Moment(val millis: Long)
