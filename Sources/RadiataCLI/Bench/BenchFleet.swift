import Foundation
import Glibc
import Ports
import SweepClient
import SweepModel
import SweepWire
import Synchronization

/// Simulated workers without a trainer, one slot and one connection each, served by one thread: they claim,
/// and report the end of what they claimed, as fast as they are answered.
final class BenchFleet: Sendable {
    struct Figures: Sendable {
        var leased = 0
        var done = 0
        /// From a request to the answer with its job, in seconds.
        var latencies: [Double] = []
        var failure: String?
        var isOver = false
        /// Whether the coordinator says that many wait.
        var areMany = false
    }

    /// What the thread owns.
    private struct Member {
        let session: SessionID
        let place: BenchConnection.Place
        var connection = BenchConnection()
        var number: UInt64 = 0
        /// Tokens of what it runs.
        var held: [String] = []
        var asked = 0.0
        /// When to try again.
        var retry: Double?
        var isAtRest = false
        /// Seconds until the next heartbeat, by the last answer.
        var pace = BenchFleet.usualBeat
    }

    private static let exchange = Endpoint<ExchangeRequest, ExchangeResponse>.exchange.path
    private static let heartbeat = Endpoint<HeartbeatRequest, HeartbeatResponse>.heartbeat.path
    /// A token may register so many workers, with room for others.
    private static let workersOfToken = 4000
    /// Connections that the heartbeats of all are sent on.
    private static let hearts = 16
    /// Seconds between those of a worker that waits (`WorkerCore`), at a lease of a minute, where it is told
    /// nothing else.
    private static let usualBeat = 30.0

    private let members: [(session: SessionID, place: BenchConnection.Place)]
    /// Whether they wait for a job; else who gets none ends.
    private let waits: Bool
    private let figuresNow = Mutex(Figures())
    /// Held while sockets are opened and closed.
    private let sockets = Mutex(())

    var figures: Figures { figuresNow.withLock { $0 } }

    /// Registers workers.
    init(_ workers: Int, waits: Bool = false, with coordinator: BenchCoordinator) async throws {
        self.waits = waits
        var members: [(session: SessionID, place: BenchConnection.Place)] = []
        while members.count < workers {
            let (client, place) = try await coordinator.workerPlace()
            let count = min(Self.workersOfToken, workers - members.count)
            let first = members.count
            members += try await withThrowingTaskGroup(of: SessionID.self) { group in
                for index in 0..<count {
                    if index >= 128 { _ = try await group.next().map { members.append(($0, place)) } }
                    group.addTask { try await BenchWorker("bench-\(first + index)", client: client).session }
                }
                return try await group.reduce(into: []) { $0.append(($1, place)) }
            }
        }
        self.members = members
    }

    /// Starts the thread.
    func start() {
        let thread = Thread { [self] in
            do {
                try drive()
            } catch {
                figuresNow.withLock { $0.failure = "\(error)" }
            }
            figuresNow.withLock { $0.isOver = true }
        }
        thread.start()
    }

    /// Runs `body` while no socket of the fleet comes or goes: Foundation starts a process by going through
    /// all descriptors, and traps where one is gone.
    ///
    /// - Throws: what `body` throws.
    func still(_ body: () throws -> Void) rethrows { try sockets.withLock { _ in try body() } }

    func stop() { figuresNow.withLock { $0.isOver = true } }

    /// Waits until something is so, or a simulated worker failed.
    ///
    /// - Throws: `CommandFailure`.
    func until(_ isSo: (Figures) -> Bool) async throws {
        while true {
            let now = figuresNow.withLock { ($0.failure, isSo($0)) }
            if let failure = now.0 { throw CommandFailure(.failed, failure) }
            if now.1 { return }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func drive() throws {
        var members = self.members.map { Member(session: $0.session, place: $0.place) }
        let workers = members.count
        if waits {
            for index in 0..<min(Self.hearts, workers) {
                let first = self.members[index]
                members.append(Member(session: first.session, place: first.place, isAtRest: true))
            }
        }
        defer { for index in members.indices { members[index].connection.disconnect() } }
        for index in 0..<workers {
            ask(&members[index])
            try members[index].connection.connect(to: members[index].place)
        }
        var polls = [pollfd](repeating: pollfd(), count: members.count)
        var (beats, nextBeat) = (0, now)
        var working = workers
        while working > 0 || waits {
            for index in members.indices {
                polls[index] = pollfd(
                    fd: members[index].connection.socket, events: members[index].connection.events, revents: 0)
            }
            // With thousands of connections each look costs: then many answers are awaited together.
            if waits { usleep(5000) }
            poll(&polls, nfds_t(polls.count), waits ? 20 : 1000)
            if waits, figuresNow.withLock({ $0.isOver }) { return }
            try sockets.withLock { _ in
                for index in members.indices {
                    if let retry = members[index].retry, retry <= now {
                        members[index].retry = nil
                        try members[index].connection.connect(to: members[index].place)
                    } else if polls[index].revents != 0 {
                        try proceed(&members[index], isHeart: index >= workers)
                        if members[index].isAtRest, index < workers { working -= 1 }
                    }
                }
                while waits, nextBeat <= now, let heart = members[workers...].firstIndex(where: \.isAtRest) {
                    try beat(&members[heart], for: self.members[beats % workers])
                    beats += 1
                    nextBeat += members[heart].pace / Double(workers)
                }
            }
        }
    }

    private func beat(_ heart: inout Member, for member: (session: SessionID, place: BenchConnection.Place)) throws {
        heart.isAtRest = false
        let body = "{\"attempts\":[],\"session\":\"\(member.session.rawValue)\"}"
        heart.connection.set(path: Self.heartbeat, body: body, to: member.place)
        if heart.connection.socket < 0 { try heart.connection.connect(to: heart.place) }
        if case .broken = heart.connection.proceed() { heart.retry = now + 0.1 }
    }

    /// As long as a worker's (`WorkerCore`), which each of them learns by its own heartbeat.
    private var longestPoll: Double {
        figuresNow.withLock { $0.areMany } ? WireLimit.longestWaitSeconds : WireLimit.waitSeconds
    }

    private func ask(_ member: inout Member) {
        member.number += 1
        let reports = member.held.map { "{\"finished\":{\"streamPosition\":0},\"token\":\($0)}" }.joined(separator: ",")
        let body =
            "{\"freeSlots\":1,\"number\":\(member.number),\"reports\":[\(reports)],"
            + "\"session\":\"\(member.session.rawValue)\",\"waitSeconds\":\(waits ? Int(longestPoll) : 0)}"
        member.connection.set(path: Self.exchange, body: body, to: member.place)
        member.asked = now
    }

    private func proceed(_ member: inout Member, isHeart: Bool) throws {
        switch member.connection.proceed() {
        case .nothing: return
        case .broken:
            member.connection.disconnect()
            member.retry = now + 0.1
        case .answer(200, let body):
            guard !isHeart else {
                member.isAtRest = true
                let told = body.range(of: "\"waitSeconds\":").flatMap { body[$0.upperBound...].number }
                member.pace = max(Self.usualBeat, Double(told ?? 0))
                figuresNow.withLock { $0.areMany = told != nil }
                return
            }
            let (tokens, accepted, time) = (body.tokens, body.accepted, now - member.asked)
            figuresNow.withLock { figures in
                figures.done += accepted
                figures.leased += tokens.count
                if !tokens.isEmpty, !waits { figures.latencies.append(time) }
            }
            member.held = tokens
            guard !tokens.isEmpty || waits else {
                member.isAtRest = true
                member.connection.disconnect()
                return
            }
            ask(&member)
            if case .broken = member.connection.proceed() { member.retry = now + 0.1 }
        case .answer(503, _), .answer(429, _):
            // The coordinator ends, or is busy.
            member.connection.disconnect()
            member.retry = now + 0.1
        case .answer(let status, let body):
            let text = String(decoding: body.prefix(500), as: UTF8.self)
            throw CommandFailure(.failed, "a simulated worker was answered \(status): \(text)")
        }
    }
}
