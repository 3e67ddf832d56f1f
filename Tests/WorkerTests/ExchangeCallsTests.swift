import Ports
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import Testing
import Worker

/// A coordinator behind a proxy that cuts calls as a test says. Time is what its calls last.
private final class Proxy: CoordinatorCalls, TimeSource {
    let address = "http://proxy"
    let random: any RandomSource = SeededRandom(seed: 1)
    private let state: Mutex<(now: MonotonicTime, waits: [Double], cuts: [Double?])>

    var time: any TimeSource { self }
    /// Waits asked for so far.
    var waits: [Double] { state.withLock { $0.waits } }

    /// - Parameter cuts: after how many seconds each call is cut, nil for not at all; later ones are not.
    init(_ cuts: [Double?]) { state = Mutex((.zero, [], cuts)) }

    func monotonic() -> MonotonicTime { state.withLock { $0.now } }
    func wall() -> WallTime { WallTime(milliseconds: 0) }
    func sleep(for duration: Duration) async throws { state.withLock { $0.now = $0.now + duration } }

    func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response {
        let exchange = try #require(request as? ExchangeRequest)
        let isCut = state.withLock { state in
            state.waits.append(exchange.waitSeconds)
            let cut = state.cuts.isEmpty ? nil : state.cuts.removeFirst()
            state.now = state.now + .seconds(cut ?? exchange.waitSeconds)
            return cut != nil
        }
        if isCut { throw ClientError(.unreachable, "no answer") }
        return try #require(ExchangeResponse(number: exchange.number) as? Response)
    }
}

@Suite("Polls that are cut")
struct ExchangeCallsTests {
    /// - Returns: the waits asked for by polls, one after the other.
    private func waits(polls: Int, cuts: [Double?]) async throws -> [Double] {
        let proxy = Proxy(cuts)
        let calls = ExchangeCalls(proxy)
        for number in 1...UInt64(polls) {
            let request = ExchangeRequest(
                session: SessionID(rawValue: "s"), number: number, reports: [], freeSlots: 1,
                waitSeconds: WireLimit.longestWaitSeconds)
            #expect(try await calls.send(request).number == number)
        }
        return proxy.waits
    }

    @Test("a long poll that is cut is sent again as a usual one; after two in a row all are usual ones")
    func cut() async throws {
        #expect(try await waits(polls: 4, cuts: [60, nil, 60]) == [120, 30, 120, 30, 30, 30])
    }

    @Test("cut now and then, or soon, they stay long: a coordinator was started anew")
    func restarts() async throws {
        #expect(try await waits(polls: 4, cuts: [60, nil, nil, 60]) == [120, 30, 120, 120, 30, 120])
        #expect(try await waits(polls: 3, cuts: [5, nil, 5, nil, 29, nil]) == [120, 30, 120, 30, 120, 30])
    }
}
