import Foundation
import Glibc
import Ports
import TestSupport
import Testing
import Worker

@Suite("The guard process")
struct TrainerGuardTests {
    private func order(_ folder: TemporaryFolder, _ script: String, grace: Duration = .seconds(30)) -> ProcessOrder {
        ProcessOrder(
            program: "sh", arguments: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], folder: folder.path,
            log: folder.path + "/log", record: folder.path + "/process", grace: grace)
    }

    @Test("a program runs in a session of its own, is recorded first, and its end is told with its code")
    func exitCode() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let child = try await keeper.start(order(folder, "ps -o sid= -p $$ > sid; echo out; echo err >&2; exit 3"))
        let exit = await child.waitForExit(atMost: .seconds(20), time: SystemTime())
        #expect(exit?.code == 3)
        #expect((exit?.maxResidentBytes ?? 0) > 0)
        #expect(try folder.read("log") == "out\nerr\n")
        #expect(try folder.read("process") == "\(child.pid) \(child.startTicks)\n")
        #expect(try folder.read("process.exit") == "\(3 << 8)\n")
        #expect(try folder.read("guard").hasPrefix("\(keeper.pid) "))
        #expect(Int32(try folder.read("sid").split { $0.isWhitespace }.first ?? "") == child.pid)
    }

    @Test("one keeper takes program after program, and a signal for one that has ended meets none of them")
    func oneKeeper() async throws {
        let folder = try TemporaryFolder()
        let guardProcess = try TrainerGuard.start(record: folder.path + "/guard")
        defer { guardProcess.close() }
        var keepers: Set<String> = []
        for round in 0..<20 {
            let child = try await guardProcess.start(order(folder, "ps -o ppid= -p $$ > parent; exit \(round)"))
            let exit = await child.waitForExit(atMost: .seconds(20), time: SystemTime())
            #expect(exit?.code == Int32(round))
            keepers.insert(try folder.read("parent"))
            guardProcess.signal(child, SIGKILL)
        }
        #expect(keepers.count == 1)
    }

    @Test("a program that ends at once is told of once, as one that has run; so is one that lasts a moment longer")
    func shortPrograms() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        for round in 0..<12 {
            // Around the time that the keeper waits for an end before it tells of a start.
            let pause = round < 6 ? "" : "sleep 0.00\(round - 5); "
            let child = try await keeper.start(order(folder, "\(pause)setsid sleep 1000 & echo $! > helper; exit 7"))
            #expect(child.startTicks > 0)
            #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.code == 7)
            #expect(try folder.read("process") == "\(child.pid) \(child.startTicks)\n")
            #expect(try folder.read("process.exit") == "\(7 << 8)\n")
            // What it started has ended with it.
            let helper = try #require(Int32(try folder.read("helper").split { $0.isWhitespace }.first ?? ""))
            #expect(kill(helper, 0) != 0)
        }
    }

    @Test("a program gets its arguments and environment byte for byte, without what a NUL would cut")
    func texts() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let script = "printf '%s|' \"$#\" \"$@\" \"$PLAIN\" \"$LONG\" \"$BOTH\" \"${EMPTY-none}\""
        var given = order(folder, script)
        let long = String(repeating: "\u{E9}", count: 5000)
        given.arguments += ["sh", "", "a=b c", "one\0two", "\u{1F600}\n\u{1}"]
        given.environment.merge(["PLAIN": "x=y", "LONG": long, "BO\0TH": "1\0PATH=2", "EMPTY": ""]) { $1 }
        let child = try await keeper.start(given)
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.code == 0)
        #expect(try folder.read("log") == "4||a=b c|onetwo|\u{1F600}\n\u{1}|x=y|\(long)|1PATH=2||")
    }

    @Test("a guard whose record cannot be written is refused, and leaves no zombie behind")
    func noRecord() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: (any Error).self) { try TrainerGuard.start(record: folder.path + "/missing/guard") }
        // Guards of other tests may be on their way out; one that nobody waits for would stay.
        #expect(try await eventually { try zombies().isEmpty })
    }

    /// Guards of this process that have ended and that nobody has waited for.
    private func zombies() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { entry in
            guard Int(entry) != nil, let stat = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8)
            else { return false }
            let fields = stat.split(separator: " ")
            return stat.contains("(exe)") && fields.count > 3 && fields[2] == "Z" && fields[3] == "\(getpid())"
        }
    }

    @Test("a program that is not there is refused by the system's own reason")
    func missingProgram() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        var wrong = order(folder, "")
        wrong.program = "/no/such/program"
        await #expect(throws: WorkerError(.badJob, "cannot be started: No such file or directory")) {
            _ = try await keeper.start(wrong)
        }
    }

    @Test("signals reach the whole group, and members left behind by their leader are ended")
    func group() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let child = try await keeper.start(
            order(
                folder, "sleep 1000 & echo $! > member; trap 'exit 9' TERM; mkfifo never; touch ready; read x < never"))
        #expect(try await eventually { folder.exists("ready") })
        let member = try #require(Int32(try folder.read("member").split { $0.isWhitespace }.first ?? ""))
        keeper.signal(child, SIGTERM)
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.signal == nil)
        #expect(child.exit?.code == 9)
        #expect(try await eventually { kill(member, 0) != 0 })
    }

    @Test("when the worker's end closes, every group gets its stop signal, its grace, and then the end")
    func lifeline() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        let polite = try await keeper.start(
            order(folder, "trap 'echo saved > saved; exit 0' TERM; touch polite; while :; do sleep 0.05; done"))
        let stubborn = try await keeper.start(
            order(folder, "trap '' TERM; touch stubborn; while :; do sleep 0.05; done", grace: .milliseconds(300)))
        #expect(try await eventually { folder.exists("polite") && folder.exists("stubborn") })
        keeper.close()
        #expect(try await eventually { kill(polite.pid, 0) != 0 && kill(stubborn.pid, 0) != 0 })
        #expect(try await eventually { keeper.isGone })
        #expect(try folder.read("saved") == "saved\n")
        // The two share a record here; each worker's attempt has its own.
        #expect(folder.exists("process.exit"))
    }

    @Test("should the guard itself be killed, its trainers end with it and the worker is told")
    func guardKilled() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        let child = try await keeper.start(order(folder, "exec sleep 1000"))
        kill(keeper.pid, SIGKILL)
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.signal == SIGKILL)
        #expect(keeper.isGone)
        #expect(try await eventually { kill(child.pid, 0) != 0 })
        await #expect(throws: WorkerError.self) { _ = try await keeper.start(order(folder, "true")) }
    }

    /// Starts helpers that leave the session: one keeps the environment, one drops it and loses its parent as
    /// well.
    private static let helpers = """
        setsid sh -c 'echo $$ > kept; exec sleep 1000' &
        env -i setsid /bin/sh -c '(echo $$ > parent; /bin/sh -c "echo \\$\\$ > dropped; exec /bin/sleep 1000") & exit 0'
        while ! [ -s kept ] || ! [ -s dropped ]; do sleep 0.02; done
        touch ready
        """

    private func pid(_ folder: TemporaryFolder, _ name: String) throws -> Int32 {
        try #require(Int32(try folder.read(name).split { $0.isWhitespace }.first ?? ""))
    }

    @Test("helpers with a session of their own end with their program, with or without its environment")
    func ownSessions() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let child = try await keeper.start(order(folder, Self.helpers))
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.code == 0)
        // The end is told when nothing of the tree is left.
        #expect(kill(try pid(folder, "kept"), 0) != 0)
        #expect(kill(try pid(folder, "dropped"), 0) != 0)
    }

    @Test("a killed program takes its helpers along, and none of another program's")
    func otherTreesStay() async throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let child = try await keeper.start(order(folder, Self.helpers + "\nexec sleep 1000"))
        let neighbour = try await keeper.start(order(other, Self.helpers + "\nexec sleep 1000"))
        #expect(try await eventually { folder.exists("ready") && other.exists("ready") })
        keeper.signal(child, SIGKILL)
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.signal == SIGKILL)
        #expect(kill(try pid(folder, "kept"), 0) != 0)
        #expect(kill(try pid(folder, "dropped"), 0) != 0)
        #expect(kill(try pid(other, "kept"), 0) == 0)
        #expect(kill(try pid(other, "dropped"), 0) == 0)
        keeper.signal(neighbour, SIGTERM)
        #expect(await neighbour.waitForExit(atMost: .seconds(20), time: SystemTime())?.signal == SIGTERM)
        #expect(kill(try pid(other, "dropped"), 0) != 0)
    }

    @Test("should the guard be killed, helpers with a session of their own end too")
    func guardKilledWithHelpers() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        _ = try await keeper.start(order(folder, Self.helpers + "\nexec sleep 1000"))
        #expect(try await eventually { folder.exists("ready") })
        kill(keeper.pid, SIGKILL)
        let (kept, dropped) = (try pid(folder, "kept"), try pid(folder, "dropped"))
        #expect(try await eventually { kill(kept, 0) != 0 && kill(dropped, 0) != 0 })
    }

    @Test("should a keeper be killed, what it kept is ended by its mark and the program's end is told")
    func keeperKilled() async throws {
        let folder = try TemporaryFolder()
        let keeper = try TrainerGuard.start(record: folder.path + "/guard")
        defer { keeper.close() }
        let child = try await keeper.start(
            order(
                folder, "setsid sh -c 'echo $$ > kept; exec sleep 1000' & ps -o ppid= -p $$ > parent; exec sleep 1000"))
        #expect(
            try await eventually {
                try ["kept", "parent"].allSatisfy { try folder.exists($0) && !folder.read($0).isEmpty }
            })
        kill(try pid(folder, "parent"), SIGKILL)
        #expect(await child.waitForExit(atMost: .seconds(20), time: SystemTime())?.signal == SIGKILL)
        let kept = try pid(folder, "kept")
        #expect(try await eventually { kill(kept, 0) != 0 })
    }
}
