import Ports
import Testing

@Suite("Time and chance")
struct TimeTests {
    @Test(
        "wall times read as RFC 3339, before 1970 and after 2038 too",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (2_147_483_648_001, "2038-01-19T03:14:08.001Z"), (1_777_897_800_250, "2026-05-04T12:30:00.250Z"),
        ])
    func wallText(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).description == text)
    }

    @Test("a sleeper on hand-moved time wakes at its deadline, not before")
    func manualSleep() async throws {
        let time = ManualTime()
        let sleeper = Task { try await time.sleep(for: .seconds(10)) }
        while time.sleeping == 0 { await Task.yield() }
        time.advance(by: .seconds(9))
        #expect(time.sleeping == 1)
        time.advance(by: .seconds(1))
        try await sleeper.value
        #expect(time.monotonic() - .zero == .seconds(10))
    }

    @Test("a cancelled sleeper ends with CancellationError")
    func cancelledSleep() async throws {
        let time = ManualTime()
        let sleeper = Task { try await time.sleep(for: .seconds(10)) }
        while time.sleeping == 0 { await Task.yield() }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(time.sleeping == 0)
    }

    @Test("SplitMix64 gives the reference sequence of seed 1234567")
    func splitMix() {
        let random = SeededRandom(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test("full jitter stays between nothing and the doubled, capped base")
    func jitter() {
        let random = SeededRandom(seed: 3)
        for attempt in 0..<70 {
            let wait = random.fullJitter(attempt: attempt, base: .milliseconds(200), cap: .seconds(30))
            #expect(wait >= .zero)
            #expect(wait <= min(.seconds(30), .milliseconds(200) * (1 << min(attempt, 20))))
        }
    }

    @Test("hex text goes both ways and refuses everything else")
    func hexadecimal() {
        #expect([UInt8](hexadecimal: "00ff10") == [0, 255, 16])
        #expect([UInt8]([0, 255, 16]).hexadecimal == "00ff10")
        #expect([UInt8](hexadecimal: "0") == nil)
        #expect([UInt8](hexadecimal: "0G") == nil)
    }
}
