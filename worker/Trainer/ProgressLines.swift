import CoreTools
import Ports

/// Shows a run's progress: one changing line on a terminal, a plain line every few seconds elsewhere.
final class ProgressLines {
    private let clock: () -> Double
    private let isTerminal: Bool
    private var last: Double?
    private var hasOpenLine = false
    private var isUnread = false
    private let readerGone: () -> Void
    private static let plainSeconds = 5.0
    private static let terminalSeconds = 0.2

    /// - Parameter readerGone: called once, when nobody reads standard output any more.
    init(clock: @escaping () -> Double, isTerminal: Bool, readerGone: @escaping () -> Void = {}) {
        self.clock = clock
        self.readerGone = readerGone
        self.isTerminal = isTerminal
    }

    func step(_ progress: TrainingAttempt.Progress) {
        let now = clock()
        let pause = isTerminal ? Self.terminalSeconds : Self.plainSeconds
        guard progress.step == progress.total || now - (last ?? -pause) >= pause else { return }
        last = now
        let text = Self.text(progress)
        if isTerminal {
            write("\r\u{1B}[K\(Self.bar(progress)) \(text)")
            hasOpenLine = true
        } else {
            write(text + "\n")
        }
    }

    func line(_ text: String) {
        write((hasOpenLine ? "\n" : "") + text + "\n")
        hasOpenLine = false
    }

    private func write(_ text: String) {
        guard !isUnread else { return }
        do throws(StandardStream.Failure) {
            try StandardStream.output.write(text)
        } catch {
            isUnread = true
            // Whoever looked on has gone: the run ends as on SIGTERM, its state saved. A full disk takes
            // lines, not runs.
            if error == .readerGone { readerGone() }
        }
    }

    private static func text(_ progress: TrainingAttempt.Progress) -> String {
        let loss = rounded(progress.loss, 4)
        let seconds = rounded(progress.seconds, 3)
        return "step \(progress.step)/\(progress.total)  loss \(loss)  lr \(progress.learningRate)  \(seconds) s/step"
    }

    private static func bar(_ progress: TrainingAttempt.Progress) -> String {
        let width = 24
        let filled = width * progress.step / max(1, progress.total)
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "]"
    }

    private static func rounded(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        let factor = (0..<digits).reduce(1.0) { power, _ in power * 10 }
        return "\((value * factor).rounded() / factor)"
    }
}
