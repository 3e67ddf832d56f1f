import Foundation
import HTTPTypes
import Ports

/// The pages that are not the page itself: logging in. Every text goes through `escaped`.
enum Dashboard {
    /// Script and style from here only, none within the page; forms and calls go here only. Pictures
    /// and videos are made of what calls brought (`blob:`).
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
        + "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

    private static func head(body: String = "<body class=\"narrow\">") -> String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Radiata</title><link rel="stylesheet" href="assets/style.css"><link rel="icon" href="assets/icon.svg">
        <script src="assets/welcome.js" type="module"></script></head>\(body)<main><h1>Radiata</h1>
        """
    }

    static func login(fault: String?) -> String {
        """
        \(head())
        \(fault.map { "<p class=\"fault\" role=\"alert\">\(escaped($0))</p>" } ?? "")
        <form method="post" action="login" class="login"><p><label for="token">Access token (radiata token \
        create --scope read), or use the link of radiata open</label></p>
        <p><input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
        <p><button class="primary">Log in</button></p></form></main></body></html>

        """
    }

    /// What a browser gets once it is let in: it keeps the secret and goes to the page.
    static func welcome(page secret: String) -> String {
        """
        \(head(body: "<body class=\"narrow\" data-page=\"\(escaped(secret))\">"))
        <p><a href="./">To the dashboard</a></p></main></body></html>

        """
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar.value < 32 && scalar != "\n" ? " " : scalar)
            }
        }
        return result
    }
}
