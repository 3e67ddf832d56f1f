import Foundation
import Ports
import RadiataCLI
import RunSpec
import SweepModel
import Testing

@Suite("Printing a plan")
struct PlanPrinterTests {
    @Test("the table has a row a configuration with its seeds, whatever the order of the jobs")
    func table() {
        var text = ""
        PlanPrinter(Self.plan(configurations: 2, seeds: [3, 5], isMixed: true)) { text += $0 }.table()
        #expect(
            text == """
                #  group  seeds  parameters
                ─  ─────  ─────  ────────────
                1  g      3 5    lora x=0 y=a
                2  g      3 5    lora x=1 y=a

                """, "\(text)")
    }

    @Test("as JSON it is the report, with a version")
    func json() throws {
        let plan = Self.plan(configurations: 3, seeds: [0, 1])
        var text = ""
        try PlanPrinter(plan) { text += $0 }.json(more: [(name: "more", json: "[1]")])
        #expect(try JSONDecoder().decode(PlanReport.self, from: Data(text.utf8)) == plan.report)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["version"] as? Int == 1 && (object["more"] as? [Int]) == [1])
    }

    @Test("as CSV it has a line a job and a column a parameter, quoted where needed")
    func csv() {
        var plan = Self.plan(configurations: 2, seeds: [0])
        plan.configurations[1].given["z"] = "a \"b\", c"
        var text = ""
        PlanPrinter(plan) { text += $0 }.csv()
        let lines = text.split(separator: "\n")
        #expect(lines[0] == "id,group,seed,algorithm,x,y,z")
        #expect(lines[1] == "\(plan.jobs[0].id.text),g,0,lora,0,a,")
        #expect(lines[2] == "\(plan.jobs[1].id.text),g,0,lora,1,a,\"a \"\"b\"\", c\"")
    }

    @Test("300,000 configurations are printed in time that grows with their number, not with its square")
    func large() throws {
        let plan = Self.plan(configurations: 300_000, seeds: [0])
        var bytes = 0
        let start = ContinuousClock.now
        PlanPrinter(plan) { bytes += $0.utf8.count }.table()
        // Searching the jobs for each configuration takes a minute here; counting them, less than a second.
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(bytes > 300_000 * 20)
    }

    static func plan(configurations: Int, seeds: [Int], isMixed: Bool = false) -> SweepPlan {
        let all = (0..<configurations).map { index in
            let given: [String: ParameterValue] = ["algorithm": "lora", "x": .number(Double(index)), "y": "a"]
            return PlannedConfiguration(
                id: ConfigurationID(ContentDigest.of("c\(index)")), group: "g", groups: ["g"], given: given,
                parameters: given, checkpoints: nil, checkpointCount: 1)
        }
        func job(_ configuration: Int, _ seed: Int) -> PlannedJob {
            PlannedJob(
                id: JobID(ContentDigest.of("\(configuration) \(seed)")), configuration: configuration, seed: seed,
                provisional: false)
        }
        let jobs =
            isMixed
            ? seeds.flatMap { seed in all.indices.map { job($0, seed) } }
            : all.indices.flatMap { index in seeds.map { job(index, $0) } }
        return SweepPlan(name: SweepName("t") ?? .unnamed, configurations: all, jobs: jobs, warnings: [])
    }
}
