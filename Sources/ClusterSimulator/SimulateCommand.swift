import Foundation
import Ports

/// `radiata-simulate`: many seeds, one seed with its trace, or every mutant.
package struct SimulateCommand {
    private var options: [String: String] = [:]

    package init(_ arguments: [String]) {
        var name: String?
        for argument in arguments {
            if argument.hasPrefix("--") {
                name = String(argument.dropFirst(2))
                options[name ?? ""] = ""
            } else if let known = name {
                options[known] = argument
                name = nil
            }
        }
    }

    private static let usage = """
        radiata-simulate --seeds N [--from S] [--seconds T]     N worlds, the first with seed S (default 1), T seconds at most
        radiata-simulate --seed S [--mutant NAME] [--trace]     one world; with a violation: shrunk, with its last events
        radiata-simulate --power N [--from S]                   N power cuts of the coordinator's disk, each looked at
        radiata-simulate --errors N [--from S]                  N disk errors in the middle of what a ledger does
        radiata-simulate --crowd N                              N jobs of one to three GPUs on two slots and four GPUs
        radiata-simulate --rented HOURS [--seeds N] [--from S]  machines that are there for minutes, for so many hours
        radiata-simulate --mutants [N] [--only NAME,NAME] [--near] every mutant: seeds until it is found, N at most (default 300);
                                                                --near begins with the seed that found it before
        radiata-simulate --exhaustive [N] [--seconds T] [--mutant NAME] [--rungs N] [--workers N] [--walks N] [--unmerged]
                                                                one job, two workers, every order of events; N states at most
        """

    /// - Returns: the exit code.
    package func run() -> Int32 {
        if !Mutant.areBuilt, options["mutant"] != nil || options["mutants"].map({ $0 != "list" }) ?? false {
            print("this build has no mutants; `make mutants` makes one that has")
            return 2
        }
        if let seed = options["seed"].flatMap(UInt64.init) { return one(seed) }
        if let text = options["exhaustive"] { return exhaustive(Int(text) ?? .max) }
        if options["mutants"] == "list" {
            for mutant in Mutants.all { print(mutant) }
            return 0
        }
        if let text = options["mutants"] { return mutants(Int(text) ?? 300) }
        if let count = options["power"].flatMap(Int.init) { return sweep(count, "power cuts") { $0.power(seed: $1) } }
        if let count = options["errors"].flatMap(Int.init) {
            return sweep(count, "disk errors") { $0.errors(seed: $1) }
        }
        if let jobs = options["crowd"].flatMap(Int.init) { return crowd(jobs) }
        if let hours = options["rented"].flatMap(Double.init) { return rented(hours) }
        if let count = options["seeds"].flatMap(Int.init) { return many(count) }
        print(Self.usage)
        return 2
    }

    private func sweep(
        _ count: Int, _ name: String, _ run: (inout Simulation, UInt64) -> Simulation.Sweep
    ) -> Int32 {
        let first = options["from"].flatMap(UInt64.init) ?? 1
        let begin = Date()
        var simulation = Simulation()
        var cases = 0
        var details: [String: Int] = [:]
        var failures = 0
        var seed = first
        while cases < count {
            let result = run(&simulation, seed)
            cases += result.cases
            details.merge(result.details, uniquingKeysWith: +)
            if let violation = result.violation {
                failures += 1
                print("seed \(seed): \(violation)")
                fflush(nil)
                if failures >= 20 { break }
            }
            seed += 1
        }
        let seconds = Int(Date().timeIntervalSince(begin))
        print("\(cases) \(name) in seeds \(first) to \(seed - 1), \(failures) violations, \(seconds) s")
        print(details.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; "))
        return failures == 0 ? 0 : 1
    }

    private func one(_ seed: UInt64) -> Int32 {
        var simulation = Simulation()
        let mutants = Set(options["mutant"].map { [$0] } ?? [])
        let run = simulation.run(seed: seed, mutants: mutants)
        print("seed \(seed): \(run.plan.summary)")
        print("\(run.events) events, trace hash \(String(run.traceHash, radix: 16))")
        if options["trace"] != nil { for line in run.lines { print(line) } }
        guard let violation = run.violation else { return 0 }
        print("VIOLATION \(violation)")
        fflush(nil)
        let small = simulation.shrink(run, mutants: mutants)
        print("smallest plan that still shows it: \(small.plan.summary)\n\(small.violation ?? "")")
        for line in small.lines.suffix(options["trace"] != nil ? 400 : 30) { print("  \(line)") }
        return 1
    }

    private func crowd(_ jobs: Int) -> Int32 {
        var simulation = Simulation()
        let run = simulation.run(seed: 8, plan: .crowd(jobs))
        let end = simulation.report.wholeRuns == 1 ? "to its end" : "cut"
        print("\(jobs) jobs, \(run.events) events, \(end), violations: \(run.violation == nil ? 0 : 1)")
        if let violation = run.violation { print(violation) }
        return run.violation == nil && simulation.report.wholeRuns == 1 ? 0 : 1
    }

    private func many(_ count: Int) -> Int32 {
        let first = options["from"].flatMap(UInt64.init) ?? 1
        let limit = options["seconds"].flatMap(Double.init) ?? .infinity
        let begin = Date()
        var simulation = Simulation()
        var isDeterministic = true
        for seed in first..<(first + UInt64(count)) {
            if Date().timeIntervalSince(begin) > limit { break }
            let run = simulation.run(seed: seed)
            if let violation = run.violation {
                print("seed \(seed): \(violation)\n  replay: make simulate SEED=\(seed)")
                fflush(nil)
            }
            if seed % 20 == 0 {
                var again = Simulation()
                let other = again.run(seed: seed)
                if other.traceHash != run.traceHash {
                    isDeterministic = false
                    print("seed \(seed): two runs differ, \(run.events) and \(other.events) events")
                }
            }
        }
        summarize(simulation.report, Date().timeIntervalSince(begin))
        return simulation.report.failures.isEmpty && isDeterministic ? 0 : 1
    }

    /// What kills may cost: a little more than half the time from one state to the next, each. A machine
    /// whose time ran out while the coordinator was away was killed as well: what it still had is gone.
    private func rented(_ hours: Double) -> Int32 {
        let first = options["from"].flatMap(UInt64.init) ?? 1
        var isGood = true
        for seed in first..<(first + UInt64(options["seeds"].flatMap(Int.init) ?? 1)) {
            var simulation = Simulation()
            let run = simulation.run(seed: seed, plan: .rented(seed: seed, hours: hours))
            let faults = simulation.report.faults
            let kills = faults[Plan.Fault.workerKill.rawValue, default: 0]
            let most = 1.2 * Double(kills + run.rented.cut) * run.rented.stateInterval / 2
            let repeated = run.rented.repeated.values.reduce(0, +)
            let causes = Cluster.Loss.allCases.map { "\($0.rawValue) \(Int(run.rented.repeated[$0] ?? 0))" }
            let isWhole = simulation.report.wholeRuns == 1
            isGood = isGood && isWhole && run.violation == nil && repeated <= most
            print(
                """
                seed \(seed): \(run.rented.lives) machines in \(Int(simulation.report.hours)) hours, \(kills) kills, \
                \(run.rented.cut) cut off by an outage, \(run.events) events, \(isWhole ? "to its end" : "cut"); trained \
                again \(Int(repeated)) s (\(causes.joined(separator: ", "))), at most \(Int(most)) s wanted; \
                \(run.violation ?? "no violation")
                """)
            fflush(nil)
        }
        return isGood ? 0 : 1
    }

    private func summarize(_ report: Simulation.Report, _ seconds: Double) {
        let perRun = report.faultsPerRun.sorted()
        print(
            """
            \(report.runs) seeds (\(report.wholeRuns) to their end), \(report.events) events, \
            \(Double(Int(report.hours * 10)) / 10) simulated hours, \(report.starts) coordinator starts, \
            \(report.checks) checks of every invariant, \(report.images) power cuts in \(Int(seconds)) s \
            (\(Int(Double(report.events) / max(seconds, 0.001))) events/s, \(Int(report.hours * 3600 / max(seconds, 0.001))) × real time)
            """)
        print(
            "faults a run: median \(perRun.isEmpty ? 0 : perRun[perRun.count / 2]); \(report.pairs.count) ordered pairs of kinds within 1 s"
        )
        for (name, count) in report.faults.sorted(by: { $0.key < $1.key }) { print("fault \(name): \(count)") }
        for (name, count) in report.probes.sorted(by: { $0.key < $1.key }) { print("probe \(name): \(count)") }
        let unhit = Probes.all.filter { report.probes[$0, default: 0] == 0 }
        let fewest = Probes.all.map { ($0, report.probes[$0, default: 0]) }.min { $0.1 < $1.1 }
        print(
            "probes hit: \(Probes.all.count - unhit.count) of \(Probes.all.count); fewest: \(fewest.map { "\($0) \($1)" } ?? "")"
        )
        if !unhit.isEmpty { print("probes not hit: \(unhit.joined(separator: ", "))") }
        print("violations: \(report.failures.count)")
    }

    private func mutants(_ most: Int) -> Int32 {
        let only = options["only"].map { Set($0.split(separator: ",").map(String.init)) }
        var missed = 0
        for mutant in Mutants.all where only?.contains(mutant) ?? true {
            var found: (seed: UInt64, violation: String)?
            var tried = 0
            let begin = Date()
            for seed in Mutants.seeds(for: mutant, isNear: options["near"] != nil, most: most) where found == nil {
                tried += 1
                var simulation = Simulation()
                let run = simulation.run(seed: seed, mutants: [mutant])
                if let violation = run.violation { found = (seed, violation) }
            }
            if let found {
                print(
                    "\(mutant): found after \(tried) seeds, by seed \(found.seed), in "
                        + "\(Int(Date().timeIntervalSince(begin))) s: \(found.violation.prefix(150))"
                )
            } else {
                missed += 1
                print("\(mutant): NOT FOUND in \(most) seeds")
            }
            fflush(nil)
        }
        return missed == 0 ? 0 : 1
    }

    private func exhaustive(_ most: Int) -> Int32 {
        let begin = Date()
        let search = ExhaustiveSearch(
            mostStates: most, seconds: options["seconds"].flatMap(Double.init) ?? .infinity,
            isMerging: options["unmerged"] == nil, rungs: options["rungs"].flatMap(Int.init) ?? .max,
            workers: options["workers"].flatMap(Int.init) ?? 2, walks: options["walks"].flatMap(Int.init) ?? 200,
            progress: {
                print($0)
                fflush(nil)
            })
        do {
            try search.run(mutants: Set(options["mutant"].map { [$0] } ?? []))
        } catch {
            print("the small model: \(error)")
            return 1
        }
        let report = search.report
        print(
            "\(report.states) states (\(report.contents) that hold different "
                + "things)\(report.isComplete ? ", every one there is" : ""), \(report.transitions) transitions, "
                + "\(report.ends) of them at rest, deepest \(report.deepest), \(Int(Date().timeIntervalSince(begin))) "
                + "s; violations: \(report.violation == nil ? 0 : 1)"
        )
        if report.walks.count > 0, report.violation == nil {
            print("\(report.walks.count) random walks of \(report.walks.steps) steps met nothing else")
        }
        guard let (what, path) = report.violation else { return 0 }
        print("VIOLATION \(what)\nafter \(path.count) steps:")
        for step in path { print("  \(step)") }
        return 1
    }
}
