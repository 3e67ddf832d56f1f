import ArgumentParser
import SweepClient
import SweepWire

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What this machine has and lacks, in words.",
        discussion: """
            Looks at processor, memory, disks, libraries and GPUs, and whether the coordinator answers. Exits with 1 if \
            something will not work.
            """)

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    /// The document's shape.
    private struct Document: Encodable {
        let version = 1
        let findings: [Finding]
    }

    func run() async throws {
        let findings = MachineDoctor().findings() + [await coordinator()]
        switch output.format {
        case .json: Console.out(try JSONText.encode(Document(findings: findings)))
        case .csv:
            var table = TextTable(columns: ["topic", "level", "text", "remedy"])
            table.rows = findings.map {
                [.text($0.topic), .text($0.level.rawValue), .text($0.text), $0.remedy.map { .text($0) } ?? .none]
            }
            Console.out(try table.rendered(as: .csv))
        case .table:
            for finding in findings {
                let mark = ["fine": "ok  ", "lacking": "note", "broken": "FAIL"][finding.level.rawValue] ?? ""
                Console.out("\(mark)  \(finding.topic): \(finding.text)")
                if let remedy = finding.remedy { Console.out("      → \(remedy)") }
            }
        }
        let broken = findings.count { $0.level == .broken }
        guard broken == 0 else {
            throw CommandFailure(.failed, broken == 1 ? "one thing will not work" : "\(broken) things will not work")
        }
    }

    private func coordinator() async -> Finding {
        do {
            let configuration = try options.configuration()
            let client = SweepClient(configuration)
            do {
                let health = try await client.call(.health, Nothing(), retry: .never, timeLimit: .seconds(5))
                _ = try await client.call(.status, SweepRequest(sweep: ""), retry: .never, timeLimit: .seconds(10))
                return Finding(
                    "coordinator", .fine,
                    "\(configuration.coordinator) answers (protocol \(health.protocolVersion)), and lets us in")
            } catch let error as ClientError where error.code == .unreachable {
                return Finding(
                    "coordinator", .lacking, "\(configuration.coordinator) does not answer",
                    remedy: "start one: radiata coordinator run; or name another: --coordinator URL")
            }
        } catch let error as ClientError {
            return Finding("coordinator", .broken, error.message, remedy: "see docs/guide/troubleshooting.md")
        } catch {
            return Finding("coordinator", .broken, "\(error)", remedy: "see docs/guide/troubleshooting.md")
        }
    }
}
