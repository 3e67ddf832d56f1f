import ArgumentParser
package import CoreTools

/// An adapter with its strength over the steps, as `FILE`, `FILE:0.8`, `FILE:0.8@0-0.5`, `FILE@0-0.5` or
/// `FILE:0.2..1@0.5-1` on the command line.
package struct ScheduledReference: ExpressibleByArgument {
    package let adapter: ScheduledAdapter

    /// - Returns: nil for an empty path, and for a part of the steps that is none.
    package init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let schedule = Self.schedule(argument[argument.index(after: colon)...])
        else {
            // A colon without a strength behind it belongs to the name, and so does an @ without steps.
            if let at = argument.lastIndex(of: "@"), at > argument.startIndex,
                let part = Self.range(argument[argument.index(after: at)...])
            {
                adapter = ScheduledAdapter(path: String(argument[..<at]), strength: 1, part: part)
                return
            }
            guard !argument.isEmpty else { return nil }
            adapter = ScheduledAdapter(path: argument, strength: 1)
            return
        }
        let path = String(argument[..<colon])
        guard !path.isEmpty, let part = schedule.part else { return nil }
        adapter = ScheduledAdapter(
            path: path, strength: schedule.strength, lastStrength: schedule.lastStrength, part: part)
    }

    /// `STRENGTH` or `FIRST..LAST`, and `@START-END`; nil for what begins otherwise. `part` is nil where what
    /// stands there is none.
    private static func schedule(
        _ text: Substring
    ) -> (strength: Double, lastStrength: Double?, part: Range<Double>?)? {
        let pieces = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let strengths = String(pieces[0]).split(separator: "..", omittingEmptySubsequences: false).map(number)
        guard (1...2).contains(strengths.count), let first = strengths[0], let last = strengths[strengths.count - 1]
        else { return nil }
        let part = pieces.count == 2 ? range(pieces[1]) : 0..<1
        return (first, strengths.count == 2 ? last : nil, part)
    }

    /// `START-END` within 0…1.
    private static func range(_ text: Substring) -> Range<Double>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(number)
        guard ends.count == 2, let start = ends[0], let end = ends[1], start >= 0, start < end, end <= 1 else {
            return nil
        }
        return start..<end
    }

    private static func number(_ text: Substring) -> Double? { Double(text).flatMap { $0.isFinite ? $0 : nil } }
}
