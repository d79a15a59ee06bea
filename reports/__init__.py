"""What a reviewer decides from: Allure results of every run, and one HTML file of them."""
