import CoreTools
import Foundation

/// Shows a run's progress: one changing line on a terminal, a plain line every few seconds elsewhere.
final class ProgressLines {
    private let clock: () -> Double
    private let isTerminal: Bool
    private var last: Double?
    private var hasOpenLine = false
    private static let plainSeconds = 5.0
    private static let terminalSeconds = 0.2

    init(clock: @escaping () -> Double, isTerminal: Bool) {
        self.clock = clock
        self.isTerminal = isTerminal
    }

    func step(_ progress: TrainJob.Progress) {
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

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

    private static func text(_ progress: TrainJob.Progress) -> String {
        let loss = rounded(progress.loss, 4)
        let seconds = rounded(progress.seconds, 3)
        return "step \(progress.step)/\(progress.total)  loss \(loss)  lr \(progress.learningRate)  \(seconds) s/step"
    }

    private static func bar(_ progress: TrainJob.Progress) -> String {
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
