import Foundation
import TestSupport
import Testing

@Suite("Files with tokens, as users make and give them")
struct TokenFileTests {
    @Test("a token file that others can read is refused by every program, with the remedy", .timeLimit(.minutes(15)))
    func readableByOthers() throws {
        let house = try House()
        try house.startCoordinator()
        let made = try house.radiata(["token", "create", "--scope", "worker"])
        try #require(made.status == 0)
        let file = try house.folder.write("worker.token", made.output)
        for mode in [0o644, 0o640, 0o604] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            for arguments in [
                ["worker", "run", "--work", house.folder.path + "/w"], ["status"],
                ["coordinator", "run", "--data", house.folder.path + "/other", "--listen", "127.0.0.1:0"],
            ] {
                let ended = try house.radiata(arguments + ["--token-file", file])
                #expect(ended.status != 0 && ended.messages.contains("chmod 600 \(file)"), "\(arguments): \(ended)")
            }
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        #expect(try house.radiata(["status", "--token-file", file]).status == 0)
    }

    @Test("`radiata token create > FILE` makes a file that programs take", .timeLimit(.minutes(15)))
    func createdByShell() throws {
        let house = try House()
        try house.startCoordinator()
        let file = house.folder.path + "/worker.token"
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = [
            "-c", "umask 022; \"$0\" token create --scope worker --coordinator \"$1\" > \"$2\"", RadiataProgram.path,
            house.url, file,
        ]
        shell.environment = RadiataProgram.environment
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        try #require(shell.terminationStatus == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try house.radiata(["status", "--token-file", file]).status == 0)
    }

    @Test("RADIATA_TOKEN comes before the registry, a token file before both", .timeLimit(.minutes(15)))
    func order() throws {
        let house = try House()
        try house.startCoordinator()
        func status(_ arguments: [String], token: String? = nil) throws -> RadiataProgram.Ended {
            var environment = ["RADIATA_COORDINATOR": house.url]
            environment["RADIATA_TOKEN"] = token
            return try RadiataProgram.run(["status"] + arguments, environment: environment)
        }
        let admin = house.data + "/admin.token"
        #expect(try status([]).status == 0)
        let wrong = try status([], token: "wrong-token")
        #expect(wrong.status == 1 && wrong.messages.contains("not known here"))
        #expect(try status(["--token-file", admin], token: "wrong-token").status == 0)
        // Another home has no registry, and another user would have another home.
        let elsewhere = try RadiataProgram.run(
            ["status"], environment: ["RADIATA_COORDINATOR": house.url, "XDG_STATE_HOME": house.folder.path])
        #expect(elsewhere.status == 1 && elsewhere.messages.contains("--token-file"))
    }
}
