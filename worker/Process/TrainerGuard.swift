import CProcess
import Foundation
import Glibc
package import Ports
import Synchronization

/// The worker's one guard process: starts programs, tells how they ended, and ends them all if the worker
/// dies, however it dies. Trainers therefore never outlive their worker by more than their grace.
package final class TrainerGuard: Sendable {
    /// A program that runs. `exit` is there once, for whoever waits.
    package final class Child: Sendable {
        package let id: UInt32
        package let pid: Int32
        package let startTicks: UInt64
        private let outcome = Mutex<Outcome>(.running([:], next: 0))

        fileprivate enum Outcome {
            case running([Int: CheckedContinuation<ProcessExit?, Never>], next: Int)
            case ended(ProcessExit)
        }

        fileprivate init(id: UInt32, pid: Int32, startTicks: UInt64, _ exit: ProcessExit? = nil) {
            self.id = id
            self.pid = pid
            self.startTicks = startTicks
            if let exit { end(exit) }
        }

        /// nil while it runs.
        package var exit: ProcessExit? {
            outcome.withLock { if case .ended(let exit) = $0 { exit } else { nil } }
        }

        /// Waits for the end, at most so long; nil if it still runs then, or the task was cancelled.
        package func waitForExit(atMost limit: Duration, time: any TimeSource) async -> ProcessExit? {
            if let exit { return exit }
            return await withTaskGroup(of: ProcessExit?.self) { group in
                group.addTask { await self.waitForExit() }
                group.addTask {
                    try? await time.sleep(for: limit)  // cancelled as soon as the exit is there
                    return nil
                }
                let first = await group.next() ?? nil
                group.cancelAll()
                return first ?? exit
            }
        }

        private func waitForExit() async -> ProcessExit? {
            let key = outcome.withLock { outcome -> Int in
                guard case .running(let waiting, let next) = outcome else { return -1 }
                outcome = .running(waiting, next: next + 1)
                return next
            }
            return await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let now: ProcessExit?? = outcome.withLock { outcome in
                        switch outcome {
                        case .ended(let exit): return .some(exit)
                        case .running(var waiting, let next):
                            if Task.isCancelled { return .some(nil) }
                            waiting[key] = continuation
                            outcome = .running(waiting, next: next)
                            return .none
                        }
                    }
                    if let now { continuation.resume(returning: now) }
                }
            } onCancel: {
                let continuation = outcome.withLock { outcome -> CheckedContinuation<ProcessExit?, Never>? in
                    guard case .running(var waiting, let next) = outcome else { return nil }
                    let mine = waiting.removeValue(forKey: key)
                    outcome = .running(waiting, next: next)
                    return mine
                }
                continuation?.resume(returning: nil)
            }
        }

        fileprivate func end(_ exit: ProcessExit) {
            let waiting = outcome.withLock { outcome -> [CheckedContinuation<ProcessExit?, Never>] in
                guard case .running(let waiting, _) = outcome else { return [] }
                outcome = .ended(exit)
                return Array(waiting.values)
            }
            for continuation in waiting { continuation.resume(returning: exit) }
        }
    }

    private struct State {
        var lastID: UInt32 = 0
        var starting: [UInt32: CheckedContinuation<Child, any Error>] = [:]
        var running: [UInt32: Child] = [:]
        var isGone = false
    }

    package let pid: Int32
    private let socket: Int32
    private let state = Mutex(State())

    /// - Parameter record: file that gets the guard's pid and start time.
    /// - Throws: ``WorkerError`` if the process cannot be started.
    package static func start(record: String) throws -> TrainerGuard {
        var socket: Int32 = -1
        let pid = cprocess_start_guard(record, &socket)
        guard pid > 0 else {
            throw WorkerError(.guardProcess, "cannot start the guard process: \(String(cString: strerror(-pid)))")
        }
        let trainerGuard = TrainerGuard(pid: pid, socket: socket)
        Thread.detachNewThread { trainerGuard.listen() }
        return trainerGuard
    }

    private init(pid: Int32, socket: Int32) {
        self.pid = pid
        self.socket = socket
    }

    /// Starts a program; returns when it runs.
    ///
    /// - Throws: ``WorkerError`` with `badJob` if the program cannot be executed, `guardProcess` if the guard
    ///   is gone; `PortsError` for what the machine lacks now.
    package func start(_ order: ProcessOrder) async throws -> Child {
        try await withCheckedThrowingContinuation { continuation in
            let id = state.withLock { state -> UInt32? in
                guard !state.isGone else { return nil }
                state.lastID += 1
                state.starting[state.lastID] = continuation
                return state.lastID
            }
            guard let id else { return continuation.resume(throwing: Self.gone) }
            if !send(Self.message(order, id: id)) {
                let error = WorkerError(
                    .badJob, "cannot start \(order.program): its arguments and environment are too long (\(errno))")
                state.withLock { $0.starting.removeValue(forKey: id) }?.resume(throwing: error)
            }
        }
    }

    /// Sends a signal to the whole group of a child; nothing happens if it has ended.
    package func signal(_ child: Child, _ number: Int32) {
        guard child.exit == nil else { return }
        var bytes: [UInt8] = [UInt8(ascii: "K")]
        withUnsafeBytes(of: child.id) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        _ = send(bytes)
    }

    package var isGone: Bool { state.withLock { $0.isGone } }

    /// Closes the lifeline: the guard ends what still runs, and itself.
    package func close() { shutdown(socket, Int32(SHUT_RDWR)) }

    private static let gone = WorkerError(
        .guardProcess, "the guard process is gone (was it killed?); running trainers ended with it")

    private func send(_ bytes: [UInt8]) -> Bool {
        while true {
            if Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count { return true }
            if errno != EINTR { return false }
        }
    }

    private static func message(_ order: ProcessOrder, id: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "S")]
        withUnsafeBytes(of: id) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: order.stopSignal) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(clamping: order.grace.milliseconds)) { bytes.append(contentsOf: $0) }
        func add(_ text: String, end: UInt8 = 0) {
            // A NUL cannot be part of an argument; what follows one would be taken for the next text.
            if text.utf8.contains(0) { bytes += text.utf8.filter { $0 != 0 } } else { bytes += text.utf8 }
            bytes.append(end)
        }
        add(order.program)
        add(order.folder)
        add(order.log)
        add(order.output ?? "")
        add(order.record)
        add(String(order.arguments.count))
        for text in order.arguments { add(text) }
        for (name, value) in order.environment {
            add(name, end: UInt8(ascii: "="))
            add(value)
        }
        return bytes
    }

    /// Runs on a thread of its own until the guard ends.
    private func listen() {
        var event = cprocess_event()
        while true {
            let count = recv(socket, &event, MemoryLayout<cprocess_event>.size, 0)
            if count == MemoryLayout<cprocess_event>.size {
                react(to: event)
            } else if count >= 0 || errno != EINTR {
                break
            }
        }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        let (starting, running) = state.withLock { state in
            defer {
                state.starting = [:]
                state.running = [:]
            }
            state.isGone = true
            return (Array(state.starting.values), Array(state.running.values))
        }
        Glibc.close(socket)
        for continuation in starting { continuation.resume(throwing: Self.gone) }
        for child in running { child.end(ProcessExit(signal: SIGKILL)) }
    }

    private func react(to event: cprocess_event) {
        switch Int(event.kind) {
        case CPROCESS_STARTED:
            let child = Child(id: event.id, pid: event.pid, startTicks: event.start_ticks)
            let continuation = state.withLock { state in
                state.running[event.id] = child
                return state.starting.removeValue(forKey: event.id)
            }
            continuation?.resume(returning: child)
        case CPROCESS_REFUSED:
            let reason = String(cString: strerror(event.status))
            let error: any Error =
                switch event.status {
                case ENOSPC, EDQUOT:
                    PortsError(
                        .diskFull, "cannot start a trainer in the work folder: \(reason); free some space there")
                // What the machine lacks now, or a keeper that was killed: another try may find it.
                case EAGAIN, ENOMEM, EMFILE, ENFILE, EIO:
                    PortsError(.inputOutput, "cannot be started now: \(reason)")
                default: WorkerError(.badJob, "cannot be started: \(reason)")
                }
            state.withLock { $0.starting.removeValue(forKey: event.id) }?.resume(throwing: error)
        default:
            let (child, continuation) = state.withLock { state in
                (state.running.removeValue(forKey: event.id), state.starting.removeValue(forKey: event.id))
            }
            let exit = ProcessExit(event)
            child?.end(exit)
            // It ended before anybody was told that it runs.
            continuation?.resume(
                returning: Child(id: event.id, pid: event.pid, startTicks: event.start_ticks, exit))
        }
    }
}
