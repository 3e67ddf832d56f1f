/// A piece of an attempt's log.
package struct LogText: Codable, Equatable, Sendable {
    package var attempt: Int
    package var offset: UInt64
    package var text: String
    /// Where to read on.
    package var next: UInt64
    /// The attempt ended and there is no more text.
    package var isComplete: Bool
    /// The line that is not ended yet, as it stands now; a progress bar's changes without the text growing.
    package var line: String?
    package init(
        attempt: Int, offset: UInt64, text: String, next: UInt64, isComplete: Bool, line: String? = nil
    ) {
        self.line = line
        self.attempt = attempt
        self.offset = offset
        self.text = text
        self.next = next
        self.isComplete = isComplete
    }
}
