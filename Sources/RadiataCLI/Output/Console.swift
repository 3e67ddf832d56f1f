import Foundation
import Ports
import Synchronization

/// Standard output for results, standard error for everything said on the way. The only place that prints.
///
/// A reader that goes (`radiata jobs | head -1`) ends the program quietly with status 0: who asked has seen
/// enough. Anything else that keeps standard output from being written is told, with status 1.
enum Console {
    private struct Leaving {
        var actions: [@Sendable () -> Void] = []
        var status: Int32 = 0
    }

    private static let leaving = Mutex(Leaving())

    static var isTerminal: Bool { StandardStream.error.isTerminal }

    static func out(_ text: String) { write(text + "\n") }

    /// Text without a line end. On a terminal, control characters of names and logs are shown, not obeyed:
    /// they could move the cursor, change the title or the clipboard. Pipes get what there is.
    static func write(_ text: String) {
        send(StandardStream.output.isTerminal ? visible(text) : text, to: .output)
    }

    /// Bytes as they are, or as `write` shows them on a terminal.
    static func write(_ data: Data) {
        if StandardStream.output.isTerminal { return write(String(decoding: data, as: UTF8.self)) }
        data.withUnsafeBytes { bytes in
            do throws(StandardStream.Failure) {
                try StandardStream.output.write(bytes)
            } catch {
                failed(error, on: .output)
            }
        }
    }

    static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    private static func isControl(_ scalar: UnicodeScalar) -> Bool {
        // Asked for every character of large tables: the common ones are known without Unicode's tables.
        if scalar.value < 0x7F { return scalar.value < 0x20 && scalar != "\n" && scalar != "\t" }
        return scalar.properties.generalCategory == .control
    }

    static func note(_ text: String) { send(text + "\n", to: .error) }

    /// A question: the answer stands on the same line.
    static func prompt(_ text: String) { send(visible(text), to: .error) }

    /// One line rewritten in place on a terminal; in a pipe the caller prints plain lines instead.
    static func rewrite(_ text: String, on stream: StandardStream = .error) {
        send("\r\u{1B}[2K\(visible(text))", to: stream)
    }

    /// Text with escapes of our own, for `ScreenPainter`.
    static func raw(_ text: String, to stream: StandardStream) { send(text, to: stream) }

    static func bar(done: Double, width: Int = 24) -> String {
        let filled = Int((min(max(done, 0), 1) * Double(width)).rounded())
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    // MARK: When nobody reads any more

    /// Done before the program ends because its reader has gone: children to stop.
    static func whenLeft(_ action: @escaping @Sendable () -> Void) { leaving.withLock { $0.actions.append(action) } }

    /// The exit status if the reader goes, for commands whose status is an answer.
    static func statusWhenLeft(_ status: ExitStatus) { leaving.withLock { $0.status = status.rawValue } }

    private static func send(_ text: String, to stream: StandardStream) {
        do throws(StandardStream.Failure) {
            try stream.write(text)
        } catch {
            failed(error, on: stream)
        }
    }

    private static func failed(_ failure: StandardStream.Failure, on stream: StandardStream) {
        switch failure {
        case .readerGone:
            let last = leaving.withLock { leaving in
                defer { leaving.actions = [] }
                return leaving
            }
            for action in last.actions { action() }
            // Not `exit`: threads of libraries are at work, and what ends with the process would be taken
            // from them.
            _exit(last.status)
        case .system(let number) where stream == .output:
            let reason = String(cString: strerror(number))
            note("radiata: standard output cannot be written (\(reason)); free some space, or send it somewhere else")
            _exit(ExitStatus.failed.rawValue)
        case .system:
            // Messages are worth less than the work.
            break
        }
    }
}

/// Collects text and prints it in large pieces: a million rows in a few thousand writes, whatever they weigh.
final class LineBuffer {
    private var text = ""
    private static let piece = 1 << 16

    /// Text that brings its own line ends.
    func add(_ more: String) {
        text += more
        if text.utf8.count >= Self.piece { flush() }
    }

    func flush() {
        guard !text.isEmpty else { return }
        Console.write(text)
        text.removeAll(keepingCapacity: true)
    }
}
