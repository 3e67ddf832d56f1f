import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("Grants are read piece by piece as the general decoder reads them")
struct GrantTextTests {
    private func job(_ number: Int, group: String = "g") throws -> ResolvedJob {
        let given: [String: ParameterValue] = [
            "lr": .number(Double(number) * 1e-9), "note": .text("}]\",\\ é\n\(number)"),
        ]
        var trainer = CommandTrainer(name: "t", command: ["true", "{lr}", "{seed}"])
        trainer.env = ["A": "{\"b\": [1, \"]\"]}"]
        return ResolvedJob(
            id: JobID(.of("job \(number)")), configuration: ConfigurationID(.of("c \(number)")),
            sweep: try #require(SweepName("s")), group: group, name: number.isMultiple(of: 3) ? "n \(number)" : nil,
            trainer: .command(trainer), given: given,
            parameters: number.isMultiple(of: 2) ? given : given.merging(["more": .list([.number(1)])]) { $1 },
            seed: number)
    }

    private func grant(_ number: Int, group: String = "g") throws -> Grant {
        let job = try job(number, group: group)
        let token = AttemptToken(ledger: "abc", epoch: 2, job: job.id, attempt: AttemptNumber(1 + number))
        var grant = Grant(token: token, job: job, leaseSeconds: 60)
        if number.isMultiple(of: 5) { grant.evaluated = ["base"] }
        return grant
    }

    /// Another writer's way to say the same.
    private func spaced(_ body: Data) throws -> Data {
        try JSONSerialization.data(
            withJSONObject: try JSONSerialization.jsonObject(with: body), options: .prettyPrinted)
    }

    private func read(_ body: Data) throws -> [Grant] {
        try ExchangeResponse(body: body).grants.map { try $0.grant() }
    }

    @Test("whatever differs between the jobs of a sweep, and however the text is spaced")
    func same() throws {
        let grants = try (0..<12).map { try grant($0) } + (0..<4).map { try grant($0, group: "other") }
        let response = ExchangeResponse(number: 7, outcomes: [.accepted], grants: grants.map { .read($0) })
        for body in [try response.body(), try spaced(response.body())] {
            // The second time all that they share is known.
            for _ in 0..<2 {
                #expect(try ExchangeResponse(body: body) == response)
                for (one, wanted) in zip(try read(body), grants) {
                    let text = Data(try #require(one.text.bytes))
                    #expect(try WireJSON.decode(Grant.self, from: text) == wanted)
                }
            }
        }
    }

    @Test("what is cut short or lacks a field is refused as ever, also where its like was read before")
    func wrong() throws {
        let body = try ExchangeResponse(number: 7, grants: [.read(try grant(2)), .read(try grant(4))]).body()
        #expect(try read(body).count == 2)
        for count in stride(from: 0, to: body.count, by: 7) {
            #expect(throws: WireError.self) { try ExchangeResponse(body: body.prefix(count)) }
        }
        let text = String(decoding: body, as: UTF8.self)
        for field in ["id", "configuration", "given", "parameters", "seed", "sweep", "leaseSeconds", "token"] {
            let other = text.replacingOccurrences(of: "\"\(field)\":", with: "\"\(field)_\":")
            #expect { try ExchangeResponse(body: Data(other.utf8)) } throws: { error in
                (error as? WireError)?.message.contains("\(field) is missing") == true
            }
        }
        for wrong in ["\"seed\":\"x\"", "\"seed\":1.5", "\"seed\":{", "\"seed\":"] {
            let other = text.replacingOccurrences(of: "\"seed\":4", with: wrong)
            #expect(throws: WireError.self) { try ExchangeResponse(body: Data(other.utf8)) }
        }
    }
}
