import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Ports
import ServiceLifecycle
import SweepLedger
import SweepModel
import SweepWire

/// What happens, as a stream of events: one for each page that somebody looks at.
extension Routes {
    /// A curve that a page follows.
    private struct Followed {
        let job: String
        let key: String
        var attempt: Int
        var step: Int64
    }

    private static let mostFollowed = 32
    private static let mostNewPoints = 2000
    private static let pace: Duration = .seconds(1)
    /// An answer that is younger is shared with the pages that ask for the same.
    private static let shared: Duration = .milliseconds(500)
    /// Without a word for so long, one is sent: a page that is gone is noticed.
    private static let quiet = 15

    /// `curves` is a list of `JOB/ATTEMPT/STEP/KEY`: the points after that step follow.
    func live(_ call: PageCall) async throws -> Response {
        let texts = call.text("curves").split(separator: ",")
        guard texts.count <= Self.mostFollowed else {
            throw WireError(.badRequest, "curves: \(texts.count), at most \(Self.mostFollowed)")
        }
        let followed = try texts.map { text -> Followed in
            let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, let attempt = Int(parts[1]), let step = Int64(parts[2]) else {
                throw WireError(.badRequest, "curves: '\(text.prefix(80))' is not JOB/ATTEMPT/STEP/KEY")
            }
            return Followed(job: String(parts[0]), key: String(parts[3]), attempt: attempt, step: step)
        }
        guard page.streams.enter() else {
            throw WireError(.busy, "too many pages follow already; close some", retryAfter: 10)
        }
        let streams = page.streams
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                defer { streams.leave() }
                try await send(followed, &writer)
                try await writer.finish(nil)
            })
    }

    private func send(_ followed: [Followed], _ writer: inout any ResponseBodyWriter) async throws {
        var followed = followed
        var last: Int64 = -1
        var silent = 0
        try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            var text = ""
            let newest = try await page.lastEvents.value("", age: Self.shared) { [ledger = operations.ledger] _ in
                try await ledger.lastEvent()
            }
            if newest != last {
                last = newest
                text += try await overview()
            }
            for index in followed.indices { text += try await points(&followed[index]) }
            silent = text.isEmpty ? silent + 1 : 0
            if silent >= Self.quiet {
                text = ": still here\n\n"
                silent = 0
            }
            if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
            try await operations.engine.time.sleep(for: Self.pace)
        }
    }

    /// The states of all sweeps: a page sees what of it is new.
    private func overview() async throws -> String {
        let sweeps = try await sweepSummaries()
        var json = JSONText()
        json.raw("{\"now\":\(operations.wall.milliseconds),\"sweeps\":")
        json.list(sweeps) { json, sweep in
            json.raw("{\"name\":")
            json.string(sweep.name)
            json.raw(",\"state\":")
            json.string(sweep.state)
            json.raw(",\"states\":{")
            for (index, state) in sweep.states.sorted(by: { $0.key < $1.key }).enumerated() {
                json.raw(index > 0 ? "," : "")
                json.string(state.key)
                json.raw(":\(state.value)")
            }
            json.raw("}}")
        }
        json.raw("}")
        return "event: sweeps\ndata: \(String(decoding: json.bytes, as: UTF8.self))\n\n"
    }

    private func points(_ followed: inout Followed) async throws -> String {
        let name = "\(followed.job)/\(followed.attempt)/\(followed.step)/\(followed.key)"
        let new = try await page.newPoints.value(name, age: Self.shared) {
            [followed, ledger = operations.ledger] _ in
            try await ledger.newPoints(
                job: followed.job, key: followed.key, attempt: followed.attempt, after: followed.step,
                limit: Self.mostNewPoints)
        }
        guard let new, let last = new.steps.last else { return "" }
        followed.attempt = new.attempt
        followed.step = last
        var json = JSONText()
        json.raw("{\"job\":")
        json.string(followed.job)
        json.raw(",\"key\":")
        json.string(followed.key)
        json.raw(",\"curve\":")
        json.curve(new)
        json.raw("}")
        return "event: points\ndata: \(String(decoding: json.bytes, as: UTF8.self))\n\n"
    }
}
