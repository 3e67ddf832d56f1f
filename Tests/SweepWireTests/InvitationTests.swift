import Foundation
import Ports
import SweepWire
import Testing

@Suite("Invitations and join files")
struct InvitationTests {
    private let code = EnrolmentCode(SeededRandom(seed: 4))

    @Test("one word that survives a shell, and says the same when read again")
    func roundTrip() throws {
        for (addresses, authority) in [
            (
                ["https://192.168.1.5:7070", "https://[2001:db8::1]:7070", "https://box.lan:7070"],
                ContentDigest.of("a")
            ),
            (["http://127.0.0.1:7070"], nil),
        ] as [([String], ContentDigest?)] {
            let invitation = Invitation(addresses: addresses, authority: authority, code: code)
            #expect(try Invitation(invitation.text) == invitation)
            #expect(
                invitation.text.utf8.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                        || byte == 95
                })
            #expect(invitation.text.utf8.count < 400)
        }
    }

    @Test("cut or changed anywhere it is refused, never read as another")
    func damaged() throws {
        let text = Invitation(addresses: ["https://box:7070"], authority: ContentDigest.of("a"), code: code).text
        for count in 0..<text.utf8.count {
            #expect(throws: Invitation.Fault.self, "\(count)") { _ = try Invitation(String(text.prefix(count))) }
        }
        let letters = Array(text)
        for index in Invitation.prefix.count..<letters.count {
            var changed = letters
            changed[index] = changed[index] == "A" ? "B" : "A"
            let result = Result { try Invitation(String(changed)) }
            if case .success(let read) = result {
                // The last digit of base64 has bits that stand for nothing.
                #expect(try read == Invitation(text), "\(index)")
            }
        }
    }

    @Test("codes: 160 bits that the id does not tell, and nothing else is one")
    func codes() {
        let other = EnrolmentCode(SeededRandom(seed: 5))
        #expect(EnrolmentCode(code.text) == code && code != other && code.hash != other.hash)
        #expect(code.text.utf8.count == 8 + 1 + 40)
        for text in ["", "_", code.id, code.text + "0", code.text.uppercased(), " " + code.text] {
            #expect(EnrolmentCode(text) == nil, "\(text)")
        }
    }

    @Test("a join file that others can read is refused; so is one of a newer version, and what is none")
    func joinFiles() throws {
        let path = NSTemporaryDirectory() + "join-\(SystemRandom().hexadecimal(bytes: 8))"
        defer { unlink(path) }
        let file = JoinFile(addresses: ["https://box:7070"], authority: "PEM", token: "radiata_x")
        try file.write(to: path)
        #expect(try JoinFile.read(path) == file)
        chmod(path, 0o644)
        #expect(throws: PortsError.self) { try JoinFile.read(path) }
        for text in [
            "{}", "{\"version\":2,\"addresses\":[\"x\"],\"token\":\"t\"}", "x",
            "{\"version\":1,\"addresses\":[],\"token\":\"t\"}",
        ] {
            try DiskFiles().writeAtomically(Array(text.utf8), to: path, mode: 0o600)
            let error = #expect(throws: PortsError.self, "\(text)") { try JoinFile.read(path) }
            #expect(error?.code == .malformed)
        }
    }

    @Test("tokens made anywhere are of one form")
    func tokens() {
        let made = AccessToken.make(SeededRandom(seed: 1))
        #expect(AccessToken.isID(made.id) && made.text.hasPrefix("radiata_\(made.id)_"))
        #expect(!AccessToken.isDamaged(made.text) && AccessToken.isDamaged(String(made.text.dropLast())))
        for text in ["", "x", made.id + "0", made.id.uppercased() + "A"] { #expect(!AccessToken.isID(text)) }
    }
}
