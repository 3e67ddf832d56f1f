import ConfigText
import SweepModel

/// libyaml's events, with the places that messages of a sweep file name.
final class YAMLEvents {
    struct Fault: Error {
        let mark: SourceMark
        let message: String
    }

    private let events: YAMLEventStream

    /// - Parameter text: without a byte-order mark.
    init(_ text: String) { events = YAMLEventStream(text) }

    /// The next event. After `streamEnd` none may be asked for.
    func next() throws(Fault) -> (YAMLEvent, SourceMark) {
        do throws(YAMLEventStream.Fault) {
            let step = try events.next()
            return (step.event, Self.mark(step.start))
        } catch {
            throw Fault(mark: Self.mark(error.place), message: error.message)
        }
    }

    private static func mark(_ place: TextPlace) -> SourceMark { SourceMark(line: place.line, column: place.column) }
}
