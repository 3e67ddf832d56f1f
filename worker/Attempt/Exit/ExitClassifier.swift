import Glibc
import RunSpec
import SweepModel
import SweepWire
package import WorkerCore

/// What is known when a trainer has ended.
package struct TrainerEnd: Sendable {
    package var exit: ProcessExit
    package var isCore: Bool
    package var wasAskedToStop: Bool
    /// The guard process died, and its trainers with it.
    package var lostGuard = false
    /// The memory controller of this machine killed something meanwhile.
    package var sawOutOfMemoryKill = false
    /// The work folder's disk was full when it ended.
    package var sawFullDisk = false
    /// What a job must leave behind is there, counting accepted checkpoints of earlier attempts.
    package var hasOutputs = true
    /// What it left proves that it went to its end (`DonePlan`), whoever asked it to stop meanwhile.
    package var isProven = false
    /// Exit codes that mean after a stop was asked for that it stopped; 128 and the signal's number too.
    package var stopExits: Set<Int32> = []
    /// What is missing, for the message.
    package var missing = ""
    /// What is wrong with the newest loss it reported: `loss is NaN at step 12`; nil for a number.
    package var badLoss: String?
    /// The newest lines of its log.
    package var logTail: [String] = []

    package init(exit: ProcessExit, isCore: Bool, wasAskedToStop: Bool) {
        self.exit = exit
        self.isCore = isCore
        self.wasAskedToStop = wasAskedToStop
    }
}

/// Decides from a trainer's end whether the attempt is done, stopped, or failed, and of which class.
package enum ExitClassifier {
    /// With this (EX_CONFIG of sysexits.h) a command says that trying again changes nothing.
    private static let refused: Int32 = 78

    package static func end(of end: TrainerEnd) -> AttemptEnd {
        if end.lostGuard { return .stopped }
        if let signal = end.exit.signal { return signalled(end, signal) }
        let code = end.exit.code ?? 0
        if end.wasAskedToStop, !end.isCore, end.stopExits.contains(code) { return .stopped }
        switch code {
        case TrainerExit.done where end.badLoss != nil && end.hasOutputs && !end.isCore && !end.wasAskedToStop:
            // What it leaves behind was trained on that.
            return .failed(failure(.nan, end, "the trainer exited 0, but its \(end.badLoss ?? "")", code))
        case TrainerExit.done:
            // Some trainers exit 0 when they are interrupted, so after a stop only the result tells.
            if end.hasOutputs { return end.wasAskedToStop && !end.isCore && !end.isProven ? .stopped : .finished }
            if end.wasAskedToStop { return .stopped }
            return .failed(failure(.crash, end, "the trainer exited 0 but \(end.missing)", code))
        case TrainerExit.stopped where end.isCore || end.wasAskedToStop: return .stopped
        case TrainerExit.notANumber where end.isCore:
            return .failed(failure(.nan, end, "the loss is no longer a number", code))
        case TrainerExit.badConfig where end.isCore:
            return .failed(failure(.badConfig, end, "the trainer refused the job", code))
        case refused where !end.isCore:
            return .failed(failure(.badConfig, end, "the trainer refused the job", code))
        case 127: return .failed(failure(.badConfig, end, "a program was not found", code))
        default:
            let found = failure(of: end.logTail.suffix(40).joined(separator: "\n"))
            if found == .crash, !end.isCore, let prompt = Prompt.unanswered(in: end.logTail) {
                return .failed(
                    FailureReport(failure: .badConfig, message: prompt.message, exitCode: Int(code)))
            }
            if found == .crash, !end.isCore, let badLoss = end.badLoss {
                return .failed(failure(.nan, end, "the trainer exited with code \(code); its \(badLoss)", code))
            }
            // On a full disk the trainer's last words may be missing.
            let isDisk = end.sawFullDisk && found == .crash
            return .failed(failure(isDisk ? .diskFull : found, end, "the trainer exited with code \(code)", code))
        }
    }

    private static func signalled(_ end: TrainerEnd, _ signal: Int32) -> AttemptEnd {
        if end.wasAskedToStop { return .stopped }
        let name = String(cString: strsignal(signal))
        switch signal {
        case SIGKILL:
            let isMemory = end.sawOutOfMemoryKill
            let text =
                isMemory
                ? "the machine ran out of memory and killed the trainer" : "the trainer was killed from outside"
            return .failed(failure(isMemory ? .oom : .killed, end, text, nil))
        case SIGTERM, SIGINT, SIGHUP, SIGQUIT:
            return .failed(failure(.killed, end, "the trainer was ended from outside (\(name))", nil))
        default:
            let isLoss = !end.isCore && end.badLoss != nil
            let text = "the trainer crashed (\(name))" + (isLoss ? "; its \(end.badLoss ?? "")" : "")
            return .failed(failure(isLoss ? .nan : .crash, end, text, nil))
        }
    }

    /// Memory, disk and a loss that is none are told by what programs commonly write last.
    static func failure(of text: String) -> FailureClass {
        let text = text.lowercased()
        let memory = [
            "out of memory", "bad_alloc", "memoryerror", "cannot allocate memory", "outofmemoryerror",
            // ai-toolkit, which passes over the exception itself.
            "oom during training step 3 times in a row",
        ]
        if memory.contains(where: text.contains) { return .oom }
        // OneTrainer raises before it logs the loss.
        if text.contains("loss became nan") { return .nan }
        if text.contains("no space left on device") || text.contains("disk quota exceeded") { return .diskFull }
        return .crash
    }

    private static func failure(_ failure: FailureClass, _ end: TrainerEnd, _ what: String, _ code: Int32?)
        -> FailureReport
    {
        let line = ErrorLine.find(end.logTail)
        return FailureReport(
            failure: failure, message: line.map { "\(what): \($0)" } ?? what, exitCode: code.map(Int.init))
    }
}
