import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import Synchronization
import TrainerFiles
import WorkerCore

/// How a running program is asked to end: as softly as its profile knows.
extension AttemptRunner {
    /// First what the profile says besides the signal, then the signal, then force.
    func end(_ child: TrainerGuard.Child, _ trainerGuard: TrainerGuard, waitsForState: Bool) async {
        let (stop, signal, grace) = control.withLock { ($0.stop, $0.stopSignal, $0.grace) }
        if waitsForState, stop.file == nil {
            if let flag = stop.flag, let save = flag.save {
                tell("save flag", { try DatabaseStatement.run(save, in: flag.file) })
            }
            await waitForState(child, stop)
        }
        if await asks(child, stop) { return }
        trainerGuard.signal(child, signal)
        // A held trainer must run to hear it.
        release()
        if await child.waitForExit(atMost: grace, time: time) == nil, !Task.isCancelled { kill() }
    }

    /// By a file or a flag.
    ///
    /// - Returns: whether it has ended; without a file and a flag it is not asked.
    private func asks(_ child: TrainerGuard.Child, _ stop: StopPlan) async -> Bool {
        var isAsked = false
        if let pattern = stop.file {
            isAsked = tell("stop file", { try makeSignalFile(pattern) })
        } else if let flag = stop.flag {
            isAsked = tell("stop flag", { try DatabaseStatement.run(flag.stop, in: flag.file) })
        }
        guard isAsked else { return false }
        note("asked to stop by \(stop.file == nil ? "the flag in its database" : "a file")")
        // A held trainer must run to look.
        release()
        // What is saved on the way out may take as long as a state.
        let limit = stop.wait ?? .seconds(600)
        return await child.waitForExit(atMost: limit, time: time) != nil || Task.isCancelled
    }

    /// In the newest folder that matches: a trainer may name its folder by the time.
    private func makeSignalFile(_ pattern: String) throws {
        guard let slash = pattern.lastIndex(of: "/") else { return }
        let folders = PathPattern.matches(String(pattern[..<slash])).filter { $0.status()?.isFolder == true }
        let newest = folders.max { ($0.status()?.modified ?? 0) < ($1.status()?.modified ?? 0) }
        guard let folder = newest?.text else {
            throw PortsError(.notFound, "no folder \(pattern[..<slash]) yet; the signal is sent instead")
        }
        try files.writeAtomically([], to: folder + pattern[slash...])
    }

    /// - Returns: whether it worked; where not, the log says why, and the signal follows.
    @discardableResult
    private func tell(_ what: String, _ action: () throws -> Void) -> Bool {
        do {
            try action()
            return true
        } catch {
            note("\(what): \(error)")
            return false
        }
    }

    private func note(_ text: String) {
        do {
            try LogNote.append(text, to: place.log)
        } catch {
            // A full disk is told elsewhere, and the stop matters more than the line.
            emit(.progress(grant.token, phase: "stopping", step: nil))
        }
    }

    /// A program that saves nothing when it is signalled would lose all since its last state: the signal
    /// waits for the next one.
    private func waitForState(_ child: TrainerGuard.Child, _ stop: StopPlan) async {
        guard let limit = stop.wait else { return }
        let before = control.withLock { $0.states }
        note("asked to stop; it stops after the next training state, or after \(limit)")
        let end = time.monotonic() + limit
        while time.monotonic() < end, !Task.isCancelled {
            guard await child.waitForExit(atMost: Self.pace, time: time) == nil else { return }
            let isOver = control.withLock { $0.states > before || $0.isKilled }
            if isOver { return }
        }
    }
}
