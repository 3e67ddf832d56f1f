package import GRDB
package import Ports
package import SweepModel

/// Sets tags and the note of a sweep or a job. Naturally idempotent.
package struct Annotate: LedgerVerb {
    let target: String
    let add: [String]
    let remove: [String]
    let note: String?
    let now: WallTime

    /// - Parameters:
    ///   - target: an exact sweep name wins, then a unique beginning of a job's id.
    ///   - note: empty removes the one that is there; nil leaves it.
    package init(target: String, add: [String], remove: [String], note: String?, now: WallTime) {
        self.target = target
        self.add = add
        self.remove = remove
        self.note = note
        self.now = now
    }

    /// - Returns: what is said now.
    /// - Throws: `LedgerError` `notFound` or `ambiguous` for the target, `invalid` for a text that cannot be.
    package func run(_ db: Database) throws -> Annotations {
        if let wrong = add.first(where: { !Annotations.isTag($0) }) {
            throw LedgerError(
                .invalid,
                "'\(wrong.prefix(100))' is no tag; wanted one word of at most \(Annotations.longestTag) characters "
                    + "without commas, not beginning with '-'")
        }
        if let note, !Annotations.isNote(note) {
            throw LedgerError(
                .invalid,
                "the note has \(note.unicodeScalars.count) characters, or control characters; wanted at most "
                    + "\(Annotations.longestNote) in lines")
        }
        let sweep = try db.first("SELECT id FROM sweep WHERE name = ?", [target])
        let (kind, row): (String, Int64) = try sweep.map { ("sweep", $0[0]) } ?? ("job", JobLookup.row(target, db))
        for tag in add {
            try db.change(
                "INSERT INTO \(kind)_tag (\(kind), name, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [row, tag, now.milliseconds])
        }
        for tag in remove { try db.change("DELETE FROM \(kind)_tag WHERE \(kind) = ? AND name = ?", [row, tag]) }
        if let note {
            if note.isEmpty {
                try db.change("DELETE FROM \(kind)_note WHERE \(kind) = ?", [row])
            } else {
                try db.change(
                    """
                    INSERT INTO \(kind)_note (\(kind), text, at) VALUES (?1, ?2, ?3)
                    ON CONFLICT (\(kind)) DO UPDATE SET text = ?2, at = ?3 WHERE text <> ?2
                    """, [row, note, now.milliseconds])
            }
        }
        let tags = try db.all("SELECT name FROM \(kind)_tag WHERE \(kind) = ? ORDER BY name", [row]).map {
            $0[0] as String
        }
        guard tags.count <= Annotations.mostTags else {
            throw LedgerError(.invalid, "\(target) would have \(tags.count) tags, at most \(Annotations.mostTags)")
        }
        let name = try db.first(
            kind == "sweep" ? "SELECT name FROM sweep WHERE id = ?" : "SELECT identity FROM job WHERE id = ?", [row])
        return Annotations(
            target: name?[0] ?? target, isSweep: kind == "sweep", tags: tags,
            note: try db.first("SELECT text FROM \(kind)_note WHERE \(kind) = ?", [row])?[0])
    }
}
